//! The fields of a record, one after the other: numbers, texts and choices.

use super::super::desk::{performance, performance_fields};
use super::super::{RecordError, choice, code, hex};
use types::{
    AccountName, ClassSpec, Code, KeyNo, Lane, Limits, PublicKey, Sender, Side, Timestamp, UNITS_MAX,
};

/// Appends fields.
pub(super) struct Put<'a>(pub(super) &'a mut Vec<u8>);

impl Put<'_> {
    pub(super) fn u8(&mut self, value: u8) -> &mut Self {
        self.bytes(&[value])
    }

    pub(super) fn u16(&mut self, value: u16) -> &mut Self {
        self.bytes(&value.to_le_bytes())
    }

    pub(super) fn u32(&mut self, value: u32) -> &mut Self {
        self.bytes(&value.to_le_bytes())
    }

    pub(super) fn u64(&mut self, value: u64) -> &mut Self {
        self.bytes(&value.to_le_bytes())
    }

    pub(super) fn i64(&mut self, value: i64) -> &mut Self {
        self.bytes(&value.to_le_bytes())
    }

    pub(super) fn bytes(&mut self, bytes: &[u8]) -> &mut Self {
        self.0.extend_from_slice(bytes);
        self
    }

    pub(super) fn code(&mut self, value: Code) -> &mut Self {
        self.bytes(&value.bytes())
    }

    pub(super) fn side(&mut self, side: Side) -> &mut Self {
        self.u8(match side {
            Side::Buy => 1,
            Side::Sell => 2,
        })
    }

    /// 0 for none; numbers that can be stand one higher.
    pub(super) fn slot(&mut self, slot: Option<u32>) -> &mut Self {
        self.u32(slot.map_or(0, |slot| slot + 1))
    }

    pub(super) fn sender(&mut self, sender: Option<Sender>) -> &mut Self {
        let (lane, key, number) = match sender {
            None => (0, 0, 0),
            Some(Sender { key, lane: Lane::Orders, number }) => (1, key.0, number),
            Some(Sender { key, lane: Lane::Cancels, number }) => (2, key.0, number),
        };
        self.u8(lane).u32(key).u64(number)
    }

    pub(super) fn spec(&mut self, spec: &ClassSpec) -> &mut Self {
        let &ClassSpec {
            model,
            region,
            currency,
            tick,
            slot_hours,
            gate_minutes,
            horizon_hours,
            fee_ppm,
            ..
        } = spec;
        self.code(model).code(region).code(currency).i64(tick);
        self.u8(slot_hours).u16(gate_minutes).u16(horizon_hours).u32(fee_ppm);
        let (precision, gflops) = performance_fields(spec.performance);
        self.bytes(&precision).u32(gflops);
        self.u16(spec.preopen_minutes).u16(spec.opening_minutes);
        self.u16(spec.auction_seconds).u16(spec.random_seconds);
        self.u32(spec.static_band_ppm).u32(spec.dynamic_band_ppm).u32(spec.order_units_max)
    }

    pub(super) fn limits(&mut self, limits: Limits) -> &mut Self {
        self.u32(limits.open_orders).u32(limits.open_blocks).i64(limits.order_value)
    }
}

/// Takes fields off the begin of a record.
pub(super) struct Get<'a> {
    kind: u8,
    /// How the record is laid out.
    format: u32,
    length: usize,
    rest: &'a [u8],
}

impl<'a> Get<'a> {
    /// The body of a record of this kind, in this format.
    pub(super) fn new(kind: u8, format: u32, body: &'a [u8]) -> Get<'a> {
        Get { kind, format, length: body.len(), rest: body }
    }

    /// True of what was written before there were blocks, auctions and limits.
    pub(super) fn is_first_format(&self) -> bool {
        self.format == 1
    }

    pub(super) fn kind(&self) -> u8 {
        self.kind
    }

    /// Checks that no field is left.
    pub(super) fn end(&self) -> Result<(), RecordError> {
        if self.rest.is_empty() {
            return Ok(());
        }
        let whole = super::RECORD_HEAD + self.length;
        let found = u8::try_from(whole).unwrap_or(u8::MAX);
        Err(RecordError::Length { kind: self.kind, found, expected: whole - self.rest.len() })
    }

    pub(super) fn take(&mut self, length: usize) -> Result<&'a [u8], RecordError> {
        let short = RecordError::Short { needed: length, left: self.rest.len() };
        let (field, rest) = self.rest.split_at_checked(length).ok_or(short)?;
        self.rest = rest;
        Ok(field)
    }

    pub(super) fn bytes<const N: usize>(&mut self) -> Result<[u8; N], RecordError> {
        let mut bytes = [0; N];
        bytes.copy_from_slice(self.take(N)?);
        Ok(bytes)
    }

    pub(super) fn u8(&mut self) -> Result<u8, RecordError> {
        self.bytes().map(u8::from_le_bytes)
    }

    pub(super) fn u16(&mut self) -> Result<u16, RecordError> {
        self.bytes().map(u16::from_le_bytes)
    }

    pub(super) fn u32(&mut self) -> Result<u32, RecordError> {
        self.bytes().map(u32::from_le_bytes)
    }

    pub(super) fn u64(&mut self) -> Result<u64, RecordError> {
        self.bytes().map(u64::from_le_bytes)
    }

    pub(super) fn i64(&mut self) -> Result<i64, RecordError> {
        self.bytes().map(i64::from_le_bytes)
    }

    pub(super) fn bool(&mut self, field: &'static str) -> Result<bool, RecordError> {
        match self.u8()? {
            0 => Ok(false),
            1 => Ok(true),
            other => Err(choice(field, other, "0 or 1")),
        }
    }

    pub(super) fn time(&mut self) -> Result<Timestamp, RecordError> {
        self.u64().map(Timestamp)
    }

    pub(super) fn code(&mut self, field: &'static str) -> Result<Code, RecordError> {
        code(field, self.bytes()?)
    }

    pub(super) fn name(&mut self) -> Result<AccountName, RecordError> {
        let bytes: [u8; 16] = self.bytes()?;
        let expected = "1 to 16 characters of a-z, 0-9 and '-', then zeros";
        let wrong = || RecordError::Field { field: "name", found: hex(&bytes), expected };
        AccountName::from_bytes(bytes).ok_or_else(wrong)
    }

    pub(super) fn public(&mut self) -> Result<PublicKey, RecordError> {
        self.bytes().map(PublicKey)
    }

    pub(super) fn side(&mut self) -> Result<Side, RecordError> {
        match self.u8()? {
            1 => Ok(Side::Buy),
            2 => Ok(Side::Sell),
            other => Err(choice("side", other, "1 or 2")),
        }
    }

    pub(super) fn slot(&mut self) -> Result<Option<u32>, RecordError> {
        Ok(self.u32()?.checked_sub(1))
    }

    pub(super) fn sender(&mut self) -> Result<Option<Sender>, RecordError> {
        let (lane, key, number) = (self.u8()?, self.u32()?, self.u64()?);
        let lane = match lane {
            0 if key == 0 && number == 0 => return Ok(None),
            1 => Lane::Orders,
            2 => Lane::Cancels,
            other => return Err(choice("lane", other, "1 or 2, or 0 with key and number 0")),
        };
        Ok(Some(Sender { key: KeyNo(key), lane, number }))
    }

    pub(super) fn spec(&mut self) -> Result<ClassSpec, RecordError> {
        let spec = ClassSpec {
            model: self.code("model")?,
            region: self.code("region")?,
            currency: self.code("currency")?,
            tick: self.i64()?,
            slot_hours: self.u8()?,
            gate_minutes: self.u16()?,
            horizon_hours: self.u16()?,
            fee_ppm: self.u32()?,
            // A class as it was before there was any of this.
            performance: None,
            preopen_minutes: 0,
            opening_minutes: 0,
            auction_seconds: 0,
            random_seconds: 0,
            static_band_ppm: 0,
            dynamic_band_ppm: 0,
            order_units_max: UNITS_MAX,
        };
        if self.is_first_format() {
            return Ok(spec);
        }
        Ok(ClassSpec {
            performance: performance(self.bytes()?, self.u32()?)?,
            preopen_minutes: self.u16()?,
            opening_minutes: self.u16()?,
            auction_seconds: self.u16()?,
            random_seconds: self.u16()?,
            static_band_ppm: self.u32()?,
            dynamic_band_ppm: self.u32()?,
            order_units_max: self.u32()?,
            ..spec
        })
    }

    pub(super) fn limits(&mut self) -> Result<Limits, RecordError> {
        Ok(Limits { open_orders: self.u32()?, open_blocks: self.u32()?, order_value: self.i64()? })
    }
}
