//! Asking the processor for memory that will be needed soon. The one module of this room with `unsafe`: the
//! instruction is an intrinsic, and intrinsics that take a pointer are unsafe to call, though a prefetch reads
//! nothing the program can see and never faults.
#![allow(unsafe_code)]

/// Starts loading the first and the last cache line of `what`. Changes nothing but time; does nothing on other
/// processors.
#[inline(always)]
pub(crate) fn line<T>(what: &T) {
    #[cfg(target_arch = "x86_64")]
    {
        use core::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        let first = core::ptr::from_ref(what).cast::<i8>();
        // SAFETY: a prefetch has no effect a program can see and never faults, whatever the address.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(first) };
        if size_of::<T>() > 32 {
            // SAFETY: as above; `wrapping_add` makes no claim about the address.
            unsafe { _mm_prefetch::<_MM_HINT_T0>(first.wrapping_add(size_of::<T>() - 1)) };
        }
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = what;
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Of all sizes, and at both ends of what was allocated: Miri tells if one were read.
    #[test]
    fn what_is_asked_for_stays_as_it_is() {
        line(&());
        let bytes = vec![1_u8; 3];
        bytes.iter().for_each(line);
        let large = vec![[7_u64; 40]; 2];
        large.iter().for_each(line);
        assert_eq!((bytes, large), (vec![1; 3], vec![[7; 40]; 2]));
    }
}
