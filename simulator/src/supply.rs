//! Real supply: what providers asked for their idle accelerators, from the embedded Vast.ai snapshots
//! (CC BY 4.0; `data/README.md` names the source and says what was changed).
//!
//! Terms in the file run for months. They are clipped here to the horizon the caller trades over, so every
//! row can be posted as it is.

use std::collections::BTreeMap;
use std::num::NonZeroU32;

use rust_decimal::Decimal;

const VAST_ASKS: &str = include_str!("../data/vast_asks.csv");
const HEADER: &str = "day,provider,machine,model,region,machine_units,units,price,reserve,hours";
const COLUMNS: usize = 10;

/// Everything that was on offer at one daily snapshot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SupplyDay {
    /// Date of the snapshot in UTC, `YYYY-MM-DD`.
    pub day: String,
    /// The asks, rising by machine; no machine twice.
    pub asks: Vec<MachineAsk>,
}

/// The idle accelerators of one machine and what its provider asks for them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MachineAsk {
    /// The provider's number at the source; one provider may have many machines.
    pub provider: u32,
    /// The machine's number at the source.
    pub machine: u32,
    /// Model code: 1 to 12 characters of `A-Z 0-9`.
    pub model: String,
    /// Region code of the same form: the two letters of the country.
    pub region: String,
    /// Accelerators offered, at least 1 and never more than the machine has.
    pub units: u32,
    /// Ask in USD per accelerator-hour, positive, at most six decimals.
    pub price: Decimal,
    /// The least the provider takes for work it may interrupt, in USD per accelerator-hour: positive, at
    /// most `price`.
    pub reserve: Decimal,
    /// Hours on offer from the snapshot on, at least 1, at most the horizon asked for.
    pub hours: u32,
}

/// What one class (model × region) has on offer in one day.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClassSupply {
    /// Model code.
    pub model: String,
    /// Region code.
    pub region: String,
    /// Accelerators offered by all machines of the class, at least 1.
    pub units: u64,
    /// The median ask, each accelerator counting once (the lower of two), in USD per accelerator-hour.
    pub reference: Decimal,
}

/// Why a file of asks cannot be read. Lines are counted from 1, the header included.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SupplyError {
    /// The first line names other columns.
    #[error("line 1: expected the columns `{HEADER}`, found `{0}`")]
    Header(String),
    /// A row has too few or too many fields.
    #[error("line {line}: expected {COLUMNS} fields, found {found}")]
    Fields {
        /// Where.
        line: usize,
        /// How many fields the row has.
        found: usize,
    },
    /// A field is not what its column holds.
    #[error("line {line}: {column} must be {expected}, found `{found}`")]
    Value {
        /// Where.
        line: usize,
        /// The column's name.
        column: &'static str,
        /// What the column holds.
        expected: &'static str,
        /// What the file says.
        found: String,
    },
    /// A row does not come after the one before it by day and machine, so a machine may appear twice.
    #[error("line {line}: machine {machine} on {day} must come after the row before it by day and machine")]
    Order {
        /// Where.
        line: usize,
        /// The row's day.
        day: String,
        /// The row's machine.
        machine: u32,
    },
}

/// The snapshots, oldest day first, with terms clipped to `horizon_hours`.
///
/// # Errors
/// [`SupplyError`] when the embedded file is damaged.
pub fn load(horizon_hours: NonZeroU32) -> Result<Vec<SupplyDay>, SupplyError> {
    parse(VAST_ASKS, horizon_hours)
}

impl SupplyDay {
    /// The day's classes, rising by model, then region.
    pub fn classes(&self) -> Vec<ClassSupply> {
        let mut asks_by_class: BTreeMap<(&str, &str), Vec<&MachineAsk>> = BTreeMap::new();
        for ask in &self.asks {
            asks_by_class.entry((&ask.model, &ask.region)).or_default().push(ask);
        }
        asks_by_class
            .into_iter()
            .map(|((model, region), mut asks)| {
                asks.sort_by_key(|ask| ask.price);
                ClassSupply {
                    model: model.to_owned(),
                    region: region.to_owned(),
                    units: asks.iter().map(|ask| u64::from(ask.units)).sum(),
                    reference: median_price(&asks),
                }
            })
            .collect()
    }
}

/// The price of the middle unit of `asks`, which rise by price.
fn median_price(asks: &[&MachineAsk]) -> Decimal {
    let units: u64 = asks.iter().map(|ask| u64::from(ask.units)).sum();
    let mut passed = 0;
    let middle = asks.iter().find(|ask| {
        passed += u64::from(ask.units);
        passed * 2 >= units
    });
    middle.expect("a class has asks, and the last of them passes all units").price
}

fn parse(text: &str, horizon_hours: NonZeroU32) -> Result<Vec<SupplyDay>, SupplyError> {
    let mut lines = text.lines();
    let header = lines.next().unwrap_or_default();
    if header != HEADER {
        return Err(SupplyError::Header(header.to_owned()));
    }
    let mut days: Vec<SupplyDay> = Vec::new();
    for (line, row) in (2..).zip(lines) {
        let (day, ask) = parse_row(line, row, horizon_hours)?;
        let last = days.last().and_then(|last| Some((last.day.as_str(), last.asks.last()?.machine)));
        if last.is_some_and(|last| last >= (day, ask.machine)) {
            return Err(SupplyError::Order { line, day: day.to_owned(), machine: ask.machine });
        }
        match days.last_mut() {
            Some(last) if last.day == day => last.asks.push(ask),
            _ => days.push(SupplyDay { day: day.to_owned(), asks: vec![ask] }),
        }
    }
    Ok(days)
}

fn parse_row(line: usize, row: &str, horizon_hours: NonZeroU32) -> Result<(&str, MachineAsk), SupplyError> {
    let fields: Vec<&str> = row.split(',').collect();
    let fields: [&str; COLUMNS] =
        fields.try_into().map_err(|all: Vec<&str>| SupplyError::Fields { line, found: all.len() })?;
    let [day, provider, machine, model, region, machine_units, units, price, reserve, hours] = fields;

    let bad = |column, expected, found: &str| SupplyError::Value {
        line,
        column,
        expected,
        found: found.to_owned(),
    };
    let count = |column, text: &str| match text.parse::<u32>() {
        Ok(number) if number >= 1 => Ok(number),
        _ => Err(bad(column, "a whole number from 1 to 4294967295", text)),
    };
    let code = |column, text: &str| match is_code(text) {
        true => Ok(text.to_owned()),
        false => Err(bad(column, "1 to 12 characters of A-Z 0-9", text)),
    };
    let dollars = |column, text: &str| match Decimal::from_str_exact(text) {
        Ok(amount) if amount > Decimal::ZERO && amount.scale() <= 6 => Ok(amount),
        _ => Err(bad(column, "a positive decimal with at most six places", text)),
    };

    if !is_date(day) {
        return Err(bad("day", "a date as YYYY-MM-DD", day));
    }
    let ask = MachineAsk {
        provider: count("provider", provider)?,
        machine: count("machine", machine)?,
        model: code("model", model)?,
        region: code("region", region)?,
        units: count("units", units)?,
        price: dollars("price", price)?,
        reserve: dollars("reserve", reserve)?,
        hours: count("hours", hours)?.min(horizon_hours.get()),
    };
    if ask.units > count("machine_units", machine_units)? {
        return Err(bad("units", "at most machine_units", units));
    }
    if ask.reserve > ask.price {
        return Err(bad("reserve", "at most the price", reserve));
    }
    Ok((day, ask))
}

fn is_code(text: &str) -> bool {
    (1..=12).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit())
}

/// The form only, so that dates compare as text.
fn is_date(text: &str) -> bool {
    text.len() == 10
        && text.bytes().enumerate().all(|(at, b)| match at {
            4 | 7 => b == b'-',
            _ => b.is_ascii_digit(),
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    const TWO_WEEKS: NonZeroU32 = NonZeroU32::new(14 * 24).unwrap();
    const GOOD: &str = "2026-03-01,7,5,H200,US,8,4,2.500000,1.000000,24";

    fn parse_rows(rows: &[&str]) -> Result<Vec<SupplyDay>, SupplyError> {
        parse(&format!("{HEADER}\n{}\n", rows.join("\n")), TWO_WEEKS)
    }

    #[test]
    fn the_embedded_file_holds_five_days_and_every_row() {
        let days = load(TWO_WEEKS).unwrap();
        let dates: Vec<&str> = days.iter().map(|day| day.day.as_str()).collect();
        assert_eq!(dates, ["2026-02-27", "2026-02-28", "2026-03-01", "2026-03-02", "2026-03-03"]);
        assert_eq!(days.iter().map(|day| day.asks.len()).sum::<usize>(), VAST_ASKS.lines().count() - 1);
    }

    #[test]
    fn no_machine_posts_twice_in_a_day() {
        for day in load(TWO_WEEKS).unwrap() {
            let machines: HashSet<u32> = day.asks.iter().map(|ask| ask.machine).collect();
            assert_eq!(machines.len(), day.asks.len(), "{}", day.day);
        }
    }

    #[test]
    fn every_ask_can_be_posted() {
        for ask in load(TWO_WEEKS).unwrap().iter().flat_map(|day| &day.asks) {
            assert!(is_code(&ask.model) && is_code(&ask.region), "{ask:?}");
            assert_eq!(ask.region.len(), 2, "a country has two letters: {ask:?}");
            assert!(Decimal::ZERO < ask.reserve && ask.reserve <= ask.price, "{ask:?}");
            assert!(ask.price < Decimal::from(10), "an outlier slipped in: {ask:?}");
            assert!((1..=16).contains(&ask.units), "no machine in the source has more than 16: {ask:?}");
            assert!((1..=14 * 24).contains(&ask.hours), "{ask:?}");
        }
    }

    #[test]
    fn terms_are_clipped_to_the_horizon_and_no_further() {
        let whole = load(NonZeroU32::MAX).unwrap();
        let clipped = load(TWO_WEEKS).unwrap();
        let hours = |days: &[SupplyDay]| -> Vec<u32> {
            days.iter().flat_map(|day| day.asks.iter().map(|ask| ask.hours)).collect()
        };
        let expected: Vec<u32> = hours(&whole).iter().map(|hours| (*hours).min(14 * 24)).collect();
        assert!(hours(&whole).iter().any(|hours| *hours > 14 * 24), "the file holds whole terms");
        assert_eq!(hours(&clipped), expected);
    }

    #[test]
    fn classes_hold_all_units_and_a_reference_among_their_asks() {
        for day in load(TWO_WEEKS).unwrap() {
            let classes = day.classes();
            let total: u64 = day.asks.iter().map(|ask| u64::from(ask.units)).sum();
            assert_eq!(classes.iter().map(|class| class.units).sum::<u64>(), total);
            assert!(classes.is_sorted_by_key(|class| (class.model.clone(), class.region.clone())));
            for class in &classes {
                let of_class = |ask: &&MachineAsk| ask.model == class.model && ask.region == class.region;
                let asks: Vec<&MachineAsk> = day.asks.iter().filter(of_class).collect();
                let units = |keep: &dyn Fn(&MachineAsk) -> bool| -> u64 {
                    asks.iter().filter(|ask| keep(ask)).map(|ask| u64::from(ask.units)).sum()
                };
                assert!(asks.iter().any(|ask| ask.price == class.reference));
                assert!(units(&|ask| ask.price < class.reference) * 2 < class.units, "{class:?}");
                assert!(units(&|ask| ask.price <= class.reference) * 2 >= class.units, "{class:?}");
            }
        }
    }

    #[test]
    fn a_row_reads_as_written() {
        let days = parse_rows(&[GOOD, "2026-03-02,7,5,H200,US,8,8,2.6,2.6,1000"]).unwrap();
        assert_eq!(days.len(), 2);
        assert_eq!(
            days[0].asks,
            [MachineAsk {
                provider: 7,
                machine: 5,
                model: "H200".to_owned(),
                region: "US".to_owned(),
                units: 4,
                price: Decimal::new(25, 1),
                reserve: Decimal::ONE,
                hours: 24,
            }]
        );
    }

    #[test]
    fn bad_values_are_named() {
        let cases = [
            ("day", GOOD.replace("2026-03-01", "yesterday")),
            ("provider", GOOD.replace(",7,", ",-7,")),
            ("machine", GOOD.replace(",5,", ",4294967296,")),
            ("model", GOOD.replace("H200", "H200-NVL")),
            ("model", GOOD.replace("H200", "H200H200H200X")),
            ("region", GOOD.replace("US", "")),
            ("units", GOOD.replace(",4,", ",0,")),
            ("units", GOOD.replace(",4,", ",9,")),
            ("machine_units", GOOD.replace(",8,", ",eight,")),
            ("price", GOOD.replace("2.500000", "2.5000001")),
            ("price", GOOD.replace("2.500000", "0")),
            ("reserve", GOOD.replace("1.000000", "2.500001")),
            ("hours", GOOD.replace(",24", ",0")),
        ];
        for (wanted, row) in cases {
            match parse_rows(&[&row]) {
                Err(SupplyError::Value { line: 2, column, .. }) => assert_eq!(column, wanted, "{row}"),
                other => panic!("{row}: expected a bad {wanted}, got {other:?}"),
            }
        }
    }

    #[test]
    fn bad_files_are_refused() {
        assert_eq!(parse("", TWO_WEEKS), Err(SupplyError::Header(String::new())));
        assert_eq!(parse_rows(&["2026-03-01,7"]), Err(SupplyError::Fields { line: 2, found: 2 }));
        let twice = Err(SupplyError::Order { line: 3, day: "2026-03-01".to_owned(), machine: 5 });
        assert_eq!(parse_rows(&[GOOD, GOOD]), twice);
        let earlier = GOOD.replace("03-01", "02-28");
        assert!(matches!(parse_rows(&[GOOD, &earlier]), Err(SupplyError::Order { line: 3, .. })));
    }
}
