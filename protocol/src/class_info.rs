//! A class on the wire: its terms, shared by three messages, and `ClassInfo`, spoken by both protocols.

use crate::choice::{Misfit, code};
use crate::header::{Frame, Header, WireError};
use crate::wire::{Wire, layout, message, put, read};
use types::{CLASSES_MAX, Class, ClassNo, ClassSpec};
use zerocopy::little_endian::{I64, U16, U32};

layout! {
    /// The terms of a class.
    ClassTerms {
        model: [u8; 12],
        region: [u8; 12],
        currency: [u8; 12],
        fee_ppm: U32,
        tick: I64,
        gate_minutes: U16,
        horizon_hours: U16,
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

impl ClassTerms {
    pub(crate) fn new(spec: &ClassSpec) -> ClassTerms {
        ClassTerms {
            model: spec.model.bytes(),
            region: spec.region.bytes(),
            currency: spec.currency.bytes(),
            fee_ppm: spec.fee_ppm.into(),
            tick: spec.tick.into(),
            gate_minutes: spec.gate_minutes.into(),
            horizon_hours: spec.horizon_hours.into(),
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
        })
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
