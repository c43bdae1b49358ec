//! Makes an input of which something does not hold smaller, as long as the same thing does not hold.

/// How often it is tried at most.
const TRIES: usize = 4_000;

/// The smallest input found, by cutting pieces out of `input` and putting zeros in, that still `fails`.
pub(crate) fn shrink(input: &[u8], mut fails: impl FnMut(&[u8]) -> bool) -> Vec<u8> {
    let mut best = input.to_vec();
    let mut tries = 0;
    let mut still_fails = |candidate: &[u8]| {
        tries += 1;
        tries <= TRIES && fails(candidate)
    };
    let mut length = best.len().div_ceil(2);
    while length > 0 {
        let mut at = 0;
        while at < best.len() {
            let end = best.len().min(at + length);
            let candidate = [&best[..at], &best[end..]].concat();
            if still_fails(&candidate) {
                best = candidate;
            } else {
                at = end;
            }
        }
        length /= 2;
    }
    for at in 0..best.len() {
        let was = std::mem::take(&mut best[at]);
        if was != 0 && !still_fails(&best) {
            best[at] = was;
        }
    }
    best
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_matter_is_cut_away() {
        let input: Vec<u8> = (0..=255).collect();
        let fails = |bytes: &[u8]| bytes.contains(&7) && bytes.len() >= 3 && bytes.ends_with(&[200]);
        let ends = [&input[..201], &[9, 200]].concat();
        assert_eq!(shrink(&ends, fails), [7, 0, 200]);
        assert_eq!(shrink(&[], |bytes| bytes.is_empty()), []);
    }
}
