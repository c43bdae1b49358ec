//! Risk: a crash in the middle of the last write makes the journal unreadable, or brings half a batch back.

use crate::support::{FIRST_FRAME, SEGMENT_1, append, batch, disk_of, disk_with, open, options, small};
use journal::{SimulatedDisk, TornTail};

/// Opens a journal whose third batch is damaged, and appends the third once more.
fn assert_third_is_cut(medium: &SimulatedDisk, context: &str) -> Option<TornTail> {
    let small = small();
    let opened = open(medium.mount(), &options());
    let (mut journal, summary, replayed) = opened.unwrap_or_else(|error| panic!("{context}: {error}"));
    assert_eq!(replayed, small.batches[..2], "{context}");
    assert_eq!(summary.next_sequence, 4, "{context}");
    let after_cut = medium.durable(SEGMENT_1).unwrap();
    assert_eq!(after_cut[..small.frames[2]], small.image[..small.frames[2]], "{context}");
    assert!(after_cut[small.frames[2]..].iter().all(|byte| *byte == 0), "{context}: not cut durably");
    append(&mut journal, &small.batches[2]).unwrap();
    drop(journal);
    assert_eq!(medium.durable(SEGMENT_1).unwrap(), small.image, "{context}: not as if nothing had happened");
    summary.torn_tail
}

#[test]
fn a_last_batch_cut_off_at_any_byte_is_cut() {
    let small = small();
    for end in small.frames[2]..small.frames[3] {
        let mut image = small.image.clone();
        if image[end..].iter().all(|byte| *byte == 0) {
            continue; // Only padding is missing: nothing is.
        }
        image[end..].fill(0);
        let torn = assert_third_is_cut(&disk_of(image.clone()), &format!("cut off at {end}"));
        let last = image.iter().rposition(|byte| *byte != 0).unwrap();
        let offset = small.frames[2];
        let expected = (last >= offset).then(|| TornTail {
            segment: 1,
            offset: offset as u64,
            length: (last + 1 - offset) as u64,
        });
        assert_eq!(torn, expected, "cut off at {end}");
    }
}

#[test]
fn a_last_batch_whose_beginning_is_missing_is_cut() {
    let small = small();
    for start in small.frames[2] + 1..=small.frames[3] - 8 {
        let mut image = small.image.clone();
        image[small.frames[2]..start].fill(0);
        assert_third_is_cut(&disk_of(image), &format!("missing before {start}"));
    }
}

#[test]
fn a_last_batch_with_any_flipped_bit_is_cut() {
    let small = small();
    for bit in small.frames[2] * 8..small.frames[3] * 8 {
        let mut image = small.image.clone();
        image[bit / 8] ^= 1 << (bit % 8);
        let torn = assert_third_is_cut(&disk_of(image), &format!("flip of bit {bit}"));
        assert!(torn.is_some(), "flip of bit {bit} was not reported");
    }
}

#[test]
fn bytes_behind_the_last_batch_are_cut_and_it_stays() {
    let small = small();
    for at in small.frames[3]..small.image.len() {
        let mut image = small.image.clone();
        image[at] = 1;
        let medium = disk_of(image);
        let (_journal, summary, replayed) = open(medium.mount(), &options()).unwrap();
        assert_eq!(replayed, small.batches);
        let length = (at + 1 - small.frames[3]) as u64;
        assert_eq!(summary.torn_tail, Some(TornTail { segment: 1, offset: small.frames[3] as u64, length }));
        assert_eq!(medium.durable(SEGMENT_1).unwrap(), small.image);
    }
}

#[test]
fn a_large_last_batch_is_cut_whichever_sectors_are_missing() {
    let batches = [batch(1, 1, 100), batch(2, 9, 3000)];
    let image = disk_with(&batches, &options()).durable(SEGMENT_1).unwrap();
    let last = FIRST_FRAME + 160;
    let sectors: Vec<usize> = (last / 512..(last + 56 + 3000).div_ceil(512)).collect();
    assert_eq!(sectors.len(), 7);
    for missing in 1..1_u32 << sectors.len() {
        let mut torn = image.clone();
        for (bit, sector) in sectors.iter().enumerate() {
            if missing >> bit & 1 == 1 {
                // The first of them keeps what it held before.
                torn[(sector * 512).max(last)..(sector + 1) * 512].fill(0);
            }
        }
        let (_, summary, replayed) = open(disk_of(torn).mount(), &options()).unwrap();
        assert_eq!(replayed, batches[..1], "missing sectors {missing:b}");
        assert_eq!(summary.torn_tail.is_some(), missing != (1 << sectors.len()) - 1, "{missing:b}");
    }
}

#[test]
fn the_first_batch_of_all_can_be_torn_too() {
    let mut image = small().image;
    image[FIRST_FRAME + 20..].fill(0);
    let (journal, summary, replayed) = open(disk_of(image).mount(), &options()).unwrap();
    assert_eq!((replayed.len(), journal.next_sequence(), summary.last_sequence()), (0, 1, 0));
    assert!(summary.torn_tail.is_some());
}

#[test]
fn a_batch_made_up_inside_a_torn_payload_is_not_taken_for_a_later_one() {
    // Somebody sends bytes that are a frame of another journal, and the machine dies at the right moment.
    let other = disk_with(&[batch(50, 1, 24)], &journal::Options { first_sequence: 50, ..options() });
    let made_up = other.durable("00000000000000000050.seg").unwrap()[FIRST_FRAME..][..80].to_vec();
    let mut image = disk_with(&[(1, 1, made_up)], &options()).durable(SEGMENT_1).unwrap();
    image[FIRST_FRAME] ^= 1;
    let (_, summary, replayed) = open(disk_of(image).mount(), &options()).unwrap();
    assert_eq!(replayed, []);
    assert!(summary.torn_tail.is_some());
}
