//! Short texts with a fixed form: codes of models, regions and currencies, names of accounts, and reasons.

use std::fmt;
use std::str::FromStr;

const CODE_LEN: usize = 12;
const NAME_LEN: usize = 16;
const WHY_LEN: usize = 63;

/// A model, region or currency code: 1 to 12 characters of `A-Z 0-9`, as in `H100SXM`, `USE`, `USD`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Code([u8; CODE_LEN]);

/// An account's name: 1 to 16 characters of `a-z 0-9 -`, unique on one exchange.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AccountName([u8; NAME_LEN]);

/// Why an operator did something, in an operator's words: up to 63 printable ASCII characters, or nothing. The words
/// lie apart, as every command would be as long as they are otherwise.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Why(Option<Box<[u8; WHY_LEN]>>);

/// Why a text is no code, no account name or no reason.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CodeError {
    /// The text is no [`Code`].
    #[error("'{0}' is no code: expected 1 to 12 characters of A-Z and 0-9, such as H100SXM")]
    Code(String),
    /// The text is no [`AccountName`].
    #[error("'{0}' is no account name: expected 1 to 16 characters of a-z, 0-9 and '-', such as acme-cloud")]
    Name(String),
    /// The text is no [`Why`].
    #[error("'{0}' is no reason: expected up to 63 printable ASCII characters, such as lost laptop")]
    Why(String),
}

impl Code {
    /// The code padded with zero bytes, as it stands in records and on the wire.
    #[must_use]
    pub fn bytes(&self) -> [u8; CODE_LEN] {
        self.0
    }

    /// Reads the zero-padded form back; `None` if it is not one.
    #[must_use]
    pub fn from_bytes(bytes: [u8; CODE_LEN]) -> Option<Code> {
        is_padded(&bytes, is_code_char).then_some(Code(bytes))
    }

    /// The code as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        text(&self.0)
    }
}

impl AccountName {
    /// The name padded with zero bytes, as it stands in records and on the wire.
    #[must_use]
    pub fn bytes(&self) -> [u8; NAME_LEN] {
        self.0
    }

    /// Reads the zero-padded form back; `None` if it is not one.
    #[must_use]
    pub fn from_bytes(bytes: [u8; NAME_LEN]) -> Option<AccountName> {
        is_padded(&bytes, is_name_char).then_some(AccountName(bytes))
    }

    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        text(&self.0)
    }
}

impl Why {
    /// No reason given.
    pub const NONE: Why = Why(None);

    /// The reason padded with zero bytes, as it stands in records and on the wire.
    #[must_use]
    pub fn bytes(&self) -> [u8; WHY_LEN] {
        self.0.as_deref().copied().unwrap_or([0; WHY_LEN])
    }

    /// Reads the zero-padded form back; `None` if it is not one.
    #[must_use]
    pub fn from_bytes(bytes: [u8; WHY_LEN]) -> Option<Why> {
        match bytes {
            [0, ..] => (bytes == Why::NONE.bytes()).then_some(Why::NONE),
            _ => is_padded(&bytes, is_why_char).then(|| Why(Some(Box::new(bytes)))),
        }
    }

    /// The reason as text; empty if none was given.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.0.as_ref().map_or("", |bytes| text(bytes.as_slice()))
    }
}

impl FromStr for Code {
    type Err = CodeError;

    fn from_str(text: &str) -> Result<Code, CodeError> {
        padded(text).and_then(Code::from_bytes).ok_or_else(|| CodeError::Code(text.to_owned()))
    }
}

impl FromStr for AccountName {
    type Err = CodeError;

    fn from_str(text: &str) -> Result<AccountName, CodeError> {
        padded(text).and_then(AccountName::from_bytes).ok_or_else(|| CodeError::Name(text.to_owned()))
    }
}

impl FromStr for Why {
    type Err = CodeError;

    fn from_str(text: &str) -> Result<Why, CodeError> {
        padded(text).and_then(Why::from_bytes).ok_or_else(|| CodeError::Why(text.to_owned()))
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl fmt::Debug for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Code({self})")
    }
}

impl fmt::Display for AccountName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl fmt::Debug for AccountName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AccountName({self})")
    }
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl fmt::Debug for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Why({self})")
    }
}

fn is_code_char(byte: u8) -> bool {
    byte.is_ascii_uppercase() || byte.is_ascii_digit()
}

fn is_name_char(byte: u8) -> bool {
    byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-'
}

fn is_why_char(byte: u8) -> bool {
    byte.is_ascii_graphic() || byte == b' '
}

fn padded<const N: usize>(text: &str) -> Option<[u8; N]> {
    // Zeros at the end of the text would pass for padding.
    if text.contains('\0') {
        return None;
    }
    let mut bytes = [0; N];
    bytes.get_mut(..text.len())?.copy_from_slice(text.as_bytes());
    Some(bytes)
}

/// At least one allowed character, then only zero bytes.
fn is_padded(bytes: &[u8], allowed: fn(u8) -> bool) -> bool {
    let len = bytes.iter().position(|&byte| byte == 0).unwrap_or(bytes.len());
    len > 0 && bytes[..len].iter().all(|&byte| allowed(byte)) && bytes[len..].iter().all(|&byte| byte == 0)
}

fn text(bytes: &[u8]) -> &str {
    let len = bytes.iter().position(|&byte| byte == 0).unwrap_or(bytes.len());
    std::str::from_utf8(&bytes[..len]).expect("only ASCII is let in")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_have_one_form() {
        assert_eq!("H100SXM".parse::<Code>().unwrap().as_str(), "H100SXM");
        assert_eq!("ABCDEFGHIJ12".parse::<Code>().unwrap().to_string(), "ABCDEFGHIJ12");
        for bad in ["", "h100", "A-B", "ABCDEFGHIJ123", "A\0B", "A\0", "Ä"] {
            assert_eq!(bad.parse::<Code>(), Err(CodeError::Code(bad.to_owned())));
        }
    }

    #[test]
    fn names_have_one_form() {
        assert_eq!("acme-cloud".parse::<AccountName>().unwrap().as_str(), "acme-cloud");
        for bad in ["", "Acme", "a b", "abcdefghijklmnopq"] {
            assert_eq!(bad.parse::<AccountName>(), Err(CodeError::Name(bad.to_owned())));
        }
    }

    #[test]
    fn reasons_are_printable_or_nothing() {
        assert_eq!("lost laptop, #17".parse::<Why>().unwrap().as_str(), "lost laptop, #17");
        assert_eq!("".parse::<Why>(), Ok(Why::NONE));
        assert_eq!(Why::from_bytes(Why::NONE.bytes()), Some(Why::NONE));
        let longest = "x".repeat(63);
        assert_eq!(longest.parse::<Why>().unwrap().to_string(), longest);
        for bad in ["x".repeat(64).as_str(), "a\u{1b}[2J", "line\nline", "a\0b", "\0", "reason\u{202e}"] {
            assert_eq!(bad.parse::<Why>(), Err(CodeError::Why(bad.to_owned())));
        }
    }

    #[test]
    fn padded_bytes_come_back_or_are_refused() {
        let code: Code = "USD".parse().unwrap();
        assert_eq!(Code::from_bytes(code.bytes()), Some(code));
        assert_eq!(Code::from_bytes(*b"US\0D\0\0\0\0\0\0\0\0"), None);
        assert_eq!(Code::from_bytes([0; 12]), None);
    }
}
