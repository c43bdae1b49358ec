//! Reads what the tests need of a documentation page: sections of messages, tables of numbers, examples in hex.

/// A page. Messages and their parts have a heading `### Name (title)`; tables of numbers stand under a heading
/// of any level with the table's name, in backquotes or not.
pub(super) struct Page {
    pub(super) sections: Vec<Section>,
    numbers: Vec<(String, u64, String)>,
}

/// What stands under the heading of a message.
pub(super) struct Section {
    name: String,
    /// What is in brackets: kind and length.
    pub(super) title: String,
    pub(super) rows: Vec<Row>,
    pub(super) examples: Vec<Vec<u8>>,
}

/// A field of a message.
#[derive(Debug, PartialEq)]
pub(super) struct Row {
    pub(super) field: String,
    pub(super) offset: usize,
    pub(super) length: usize,
    pub(super) kind: String,
}

impl Page {
    pub(super) fn read(text: &str) -> Page {
        let mut page = Page { sections: Vec::new(), numbers: Vec::new() };
        let (mut heading, mut in_section) = (String::new(), false);
        let mut example: Option<Vec<u8>> = None;
        for line in text.lines() {
            if let Some(bytes) = &mut example {
                if line.starts_with("```") {
                    let section = page.sections.last_mut().expect("an example stands under a message");
                    section.examples.extend(example.take());
                } else {
                    bytes.extend(line.split_whitespace().map(|byte| u8::from_str_radix(byte, 16).unwrap()));
                }
            } else if line == "```hex" {
                assert!(in_section, "an example outside a message, under {heading}");
                example = Some(Vec::new());
            } else if line.starts_with('#') {
                heading = line.trim_start_matches(['#', ' ']).trim_matches('`').to_owned();
                in_section = false;
                if let Some((name, title)) = line.strip_prefix("### ").and_then(|line| line.split_once(" ("))
                {
                    let title = title.trim_end_matches(')').to_owned();
                    let (name, rows, examples) = (name.to_owned(), Vec::new(), Vec::new());
                    page.sections.push(Section { name, title, rows, examples });
                    in_section = true;
                }
            } else if let Some(cells) = line.strip_prefix("| ") {
                page.take_row(cells, &heading, in_section);
            }
        }
        page
    }

    fn take_row(&mut self, cells: &str, heading: &str, in_section: bool) {
        let cells: Vec<&str> = cells.split(" | ").map(|cell| cell.trim_matches(['`', ' '])).collect();
        if in_section {
            if let (Ok(offset), Ok(length)) = (cells[1].parse(), cells[2].parse()) {
                let (field, kind) = (cells[0].to_owned(), cells[3].to_owned());
                let rows = &mut self.sections.last_mut().unwrap().rows;
                rows.push(Row { field, offset, length, kind });
            }
        } else if let Ok(number) = cells[0].parse() {
            self.numbers.push((heading.to_owned(), number, cells[1].to_owned()));
        }
    }

    /// The section of a message.
    pub(super) fn section(&self, name: &str) -> &Section {
        let mut named = self.sections.iter().filter(|section| section.name == name);
        let section = named.next().unwrap_or_else(|| panic!("no section about {name}"));
        assert!(named.next().is_none(), "two sections about {name}");
        section
    }

    /// The table of numbers and names under a heading.
    pub(super) fn numbers(&self, heading: &str) -> Vec<(u64, String)> {
        let under = self.numbers.iter().filter(|(under, _, _)| under == heading);
        under.map(|(_, number, name)| (*number, name.clone())).collect()
    }
}

/// Bytes as the pages show them: sixteen to a line.
pub(super) fn hex(bytes: &[u8]) -> String {
    let line = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().join(" ");
    bytes.chunks(16).map(line).collect::<Vec<_>>().join("\n")
}
