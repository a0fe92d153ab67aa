//! CSV as it is met: any of four delimiters, a byte-order mark, UTF-8, UTF-16 or Windows-1252.

use encoding_rs::{Encoding, UTF_8, WINDOWS_1252};

/// Bytes of the largest file that is read.
pub const FILE_BYTES_MAX: usize = 256 * 1024 * 1024;

/// Columns of the widest file that is read.
const COLUMNS_MAX: usize = 1_000;

const DELIMITERS: [u8; 4] = [b',', b';', b'\t', b'|'];

/// A file that is no CSV file of contacts.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum SheetError {
    /// More bytes than [`FILE_BYTES_MAX`].
    #[error("the file is larger than {} MiB", FILE_BYTES_MAX / 1024 / 1024)]
    TooLarge,
    /// No header.
    #[error("the file is empty")]
    Empty,
    /// More columns than anybody exports.
    #[error("the header has more than {COLUMNS_MAX} columns")]
    TooWide,
    /// A quoted cell without an end: everything behind it would be one cell.
    #[error("line {line}: a quotation mark is never closed")]
    OpenQuote {
        /// Where the row starts.
        line: u64,
    },
    /// What the CSV reader could not read.
    #[error("{0}")]
    Malformed(String),
    /// No column that says who a row is about.
    #[error("no column looks like a phone number or an e-mail address; the header is: {header}")]
    NoIdentity {
        /// The header.
        header: String,
    },
}

/// A file taken apart.
#[derive(Debug)]
pub(super) struct Sheet {
    pub(super) header: Vec<String>,
    pub(super) rows: Vec<Row>,
}

/// One row and the line it starts on.
#[derive(Debug)]
pub(super) struct Row {
    pub(super) line: u64,
    pub(super) cells: Vec<String>,
}

pub(super) fn open(bytes: &[u8]) -> Result<Sheet, SheetError> {
    if bytes.len() > FILE_BYTES_MAX {
        return Err(SheetError::TooLarge);
    }
    let decoded = decode(bytes);
    let (text, named) = named_delimiter(&decoded);
    let skipped_lines = u64::from(named.is_some());
    let delimiter = named.unwrap_or_else(|| likeliest_delimiter(text));
    let mut reader =
        csv::ReaderBuilder::new().has_headers(false).flexible(true).delimiter(delimiter).from_reader(text.as_bytes());
    let mut records = reader.records();
    let header = records.next().ok_or(SheetError::Empty)?.map_err(|error| SheetError::Malformed(error.to_string()))?;
    if header.len() > COLUMNS_MAX {
        return Err(SheetError::TooWide);
    }
    let mut lines = Lines { text: text.as_bytes(), byte: 0, line: 1 + skipped_lines };
    let mut rows = Vec::new();
    for record in records {
        let record = record.map_err(|error| SheetError::Malformed(error.to_string()))?;
        lines.move_to(record.position().map_or(0, csv::Position::byte));
        if record.iter().any(|cell| !cell.trim().is_empty()) {
            rows.push(Row { line: lines.line, cells: record.iter().map(str::to_owned).collect() });
        }
    }
    lines.check_last_row_closed()?;
    Ok(Sheet { header: header.iter().map(|name| name.trim().to_owned()).collect(), rows })
}

/// Counts lines. The reader's own count stands before the line breaks and empty lines that precede a row.
struct Lines<'a> {
    text: &'a [u8],
    byte: usize,
    line: u64,
}

impl Lines<'_> {
    fn move_to(&mut self, byte: u64) {
        let target = usize::try_from(byte).unwrap_or(usize::MAX);
        while let Some(byte) = self.text.get(self.byte) {
            let line_break = matches!(byte, b'\r' | b'\n');
            if self.byte >= target && !line_break {
                break;
            }
            self.byte += 1;
            self.line += u64::from(*byte == b'\n');
        }
    }

    /// The reader takes a quote that never closes as a cell up to the end of the file; then the last row has an
    /// odd number of them.
    fn check_last_row_closed(&self) -> Result<(), SheetError> {
        let quotes = self.text.iter().skip(self.byte).filter(|byte| **byte == b'"').count();
        if quotes % 2 == 0 { Ok(()) } else { Err(SheetError::OpenQuote { line: self.line }) }
    }
}

/// A byte-order mark decides; else UTF-16 if every other byte is zero, else UTF-8 if most of what is not ASCII is that,
/// else Windows-1252. A stray byte in UTF-8 becomes U+FFFD, for which its row alone is refused.
fn decode(bytes: &[u8]) -> String {
    if let Some((encoding, mark)) = Encoding::for_bom(bytes) {
        return encoding.decode_without_bom_handling(&bytes[mark..]).0.into_owned();
    }
    let sample = &bytes[..bytes.len().min(1_024)];
    let zeros =
        |offset: usize| sample.iter().skip(offset).step_by(2).filter(|byte| **byte == 0).count() * 4 > sample.len();
    let encoding = if zeros(1) {
        encoding_rs::UTF_16LE
    } else if zeros(0) {
        encoding_rs::UTF_16BE
    } else if mostly_utf8(bytes) {
        UTF_8
    } else {
        WINDOWS_1252
    };
    encoding.decode_without_bom_handling(bytes).0.into_owned()
}

fn mostly_utf8(bytes: &[u8]) -> bool {
    let (mut characters, mut strays) = (0, 0);
    for chunk in bytes.utf8_chunks() {
        characters += chunk.valid().chars().filter(|char| !char.is_ascii()).count();
        strays += usize::from(!chunk.invalid().is_empty());
    }
    strays == 0 || characters > strays
}

/// Excel may write `sep=;` as a line of its own before the header.
fn named_delimiter(text: &str) -> (&str, Option<u8>) {
    let Some((first, rest)) = text.split_once('\n') else {
        return (text, None);
    };
    match first.trim_end().strip_prefix("sep=").map(str::as_bytes) {
        Some([delimiter]) if DELIMITERS.contains(delimiter) => (rest, Some(*delimiter)),
        _ => (text, None),
    }
}

/// The delimiter that stands most often in the first line outside of quotes.
fn likeliest_delimiter(text: &str) -> u8 {
    let first = text.lines().find(|line| !line.trim().is_empty()).unwrap_or_default();
    let mut counts = [0_usize; DELIMITERS.len()];
    let mut quoted = false;
    for byte in first.bytes() {
        if byte == b'"' {
            quoted = !quoted;
        } else if let Some(index) = DELIMITERS.iter().position(|delimiter| *delimiter == byte && !quoted) {
            counts[index] += 1;
        }
    }
    let most = counts.iter().copied().max().unwrap_or_default();
    counts.iter().position(|count| *count == most).map_or(b',', |index| DELIMITERS[index])
}
