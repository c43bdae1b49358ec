//! A class on the wire: its terms, shared by three messages, and `ClassInfo`, spoken by both protocols.

use crate::choice::{Misfit, code};
use crate::header::{Frame, Header, WireError};
use crate::wire::{Wire, layout, message, put, read};
use types::{CLASSES_MAX, Class, ClassNo, ClassSpec, Performance};
use zerocopy::little_endian::{I64, U16, U32};

layout! {
    /// The terms of a class.
    ClassTerms {
        model: [u8; 12],
        region: [u8; 12],
        currency: [u8; 12],
        precision: [u8; 12],
        tick: I64,
        fee_ppm: U32,
        gflops: U32,
        static_band_ppm: U32,
        dynamic_band_ppm: U32,
        order_units_max: U32,
        gate_minutes: U16,
        horizon_hours: U16,
        preopen_minutes: U16,
        opening_minutes: U16,
        auction_seconds: U16,
        random_seconds: U16,
        slot_hours: u8,
        pad: [u8; 3],
    }
}

message! {
    /// A listed class.
    ClassInfo = 0x18 {
        header: Header,
        class: U16,
        pad: [u8; 2],
        terms: ClassTerms,
    }
}

/// The `precision` of a class that states no performance.
const NOT_STATED: [u8; 12] = [0; 12];

impl ClassTerms {
    pub(crate) fn new(spec: &ClassSpec) -> ClassTerms {
        let precision = spec.performance.map_or(NOT_STATED, |stated| stated.precision.bytes());
        ClassTerms {
            model: spec.model.bytes(),
            region: spec.region.bytes(),
            currency: spec.currency.bytes(),
            precision,
            tick: spec.tick.into(),
            fee_ppm: spec.fee_ppm.into(),
            gflops: spec.performance.map_or(0, |stated| stated.gflops).into(),
            static_band_ppm: spec.static_band_ppm.into(),
            dynamic_band_ppm: spec.dynamic_band_ppm.into(),
            order_units_max: spec.order_units_max.into(),
            gate_minutes: spec.gate_minutes.into(),
            horizon_hours: spec.horizon_hours.into(),
            preopen_minutes: spec.preopen_minutes.into(),
            opening_minutes: spec.opening_minutes.into(),
            auction_seconds: spec.auction_seconds.into(),
            random_seconds: spec.random_seconds.into(),
            slot_hours: spec.slot_hours,
            pad: [0; 3],
        }
    }

    /// The terms as asked for; the ranges are for the engine to check.
    pub(crate) fn asked(&self) -> Result<ClassSpec, Misfit> {
        Ok(ClassSpec {
            model: code("model", self.model)?,
            region: code("region", self.region)?,
            currency: code("currency", self.currency)?,
            tick: self.tick.get(),
            slot_hours: self.slot_hours,
            gate_minutes: self.gate_minutes.get(),
            horizon_hours: self.horizon_hours.get(),
            fee_ppm: self.fee_ppm.get(),
            performance: self.performance()?,
            preopen_minutes: self.preopen_minutes.get(),
            opening_minutes: self.opening_minutes.get(),
            auction_seconds: self.auction_seconds.get(),
            random_seconds: self.random_seconds.get(),
            static_band_ppm: self.static_band_ppm.get(),
            dynamic_band_ppm: self.dynamic_band_ppm.get(),
            order_units_max: self.order_units_max.get(),
        })
    }

    fn performance(&self) -> Result<Option<Performance>, Misfit> {
        match self.gflops.get() {
            0 if self.precision == NOT_STATED => Ok(None),
            // Whoever says how much says at which precision.
            gflops => Ok(Some(Performance { gflops, precision: code("precision", self.precision)? })),
        }
    }

    /// The terms of a listed class: every field in its range.
    pub(crate) fn listed(&self) -> Result<ClassSpec, Misfit> {
        let spec = self.asked()?;
        if spec.is_valid() { Ok(spec) } else { Err(Misfit::Form { field: "terms of a class" }) }
    }
}

/// A class's number, in its range.
pub(crate) fn class_no(number: U16) -> Result<ClassNo, Misfit> {
    if number.get() < CLASSES_MAX {
        Ok(ClassNo(number.get()))
    } else {
        Err(Misfit::Form { field: "class number" })
    }
}

pub(crate) fn encode(class: &Class, out: &mut Vec<u8>) {
    let message = ClassInfo {
        header: ClassInfo::HEADER,
        class: class.no.0.into(),
        pad: [0; 2],
        terms: ClassTerms::new(&class.spec),
    };
    put(&message, out);
}

pub(crate) fn decode(frame: Frame<'_>) -> Result<Class, WireError> {
    let message: &ClassInfo = read(frame)?;
    Ok(Class { no: class_no(message.class)?, spec: message.terms.listed()? })
}
