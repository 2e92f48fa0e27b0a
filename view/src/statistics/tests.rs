//! Tests that compare the statistics with those of a model that looks at one number after the other.
#![allow(clippy::cast_precision_loss, reason = "means are compared up to rounding")]
#![allow(clippy::float_cmp, reason = "bounds are numbers of the array")]

use dcc_mcp_shm::Dtype;
use half::f16;
use proptest::prelude::*;

use super::{Component, Stream, Summary};
use crate::error::LookError;
use crate::number::Number;

const TYPES: [&str; 25] = [
    "|b1", "|i1", "|u1", "<i2", "<u2", "<f2", "<i4", "<u4", "<f4", "<i8", "<u8", "<f8", "<c8", "<c16", ">i2", ">u2",
    ">f2", ">i4", ">u4", ">f4", ">i8", ">u8", ">f8", ">c8", ">c16",
];

fn summarise(dtype: Dtype, components: usize, piece: u64, bytes: &[u8]) -> Summary {
    let read = |at: u64, to: &mut [u8]| {
        let at = usize::try_from(at).expect("an index");
        to.copy_from_slice(&bytes[at..at + to.len()]);
        Ok(())
    };
    let stream = Stream {
        dtype,
        components,
        size: bytes.len() as u64,
        piece,
        read: &read,
    };
    stream.summarise().expect("nothing fails")
}

/// One number of the model: the integer it is, or its value as a double.
#[derive(Debug, Clone, Copy)]
enum Plain {
    Integer(i128),
    Float(f64),
}

/// The numbers of an array, read byte by byte.
fn plain(dtype: Dtype, bytes: &[u8]) -> Vec<Plain> {
    let (order, letter) = (dtype.typestr().as_bytes()[0], dtype.typestr().as_bytes()[1]);
    let width = dtype.size() / if letter == b'c' { 2 } else { 1 };
    let number = |element: &[u8]| {
        let mut bits = 0_u64;
        for place in 0..width {
            let byte = if order == b'>' {
                element[place]
            } else {
                element[width - 1 - place]
            };
            bits = bits << 8 | u64::from(byte);
        }
        let unused = 64 - 8 * width;
        match (letter, width) {
            (b'b', _) => Plain::Integer((bits != 0).into()),
            (b'u', _) => Plain::Integer(bits.into()),
            (b'i', _) => Plain::Integer(((bits << unused).cast_signed() >> unused).into()),
            (_, 2) => Plain::Float(f16::from_bits(u16::try_from(bits).expect("16 bits")).to_f64()),
            (_, 4) => Plain::Float(f32::from_bits(u32::try_from(bits).expect("32 bits")).into()),
            _ => Plain::Float(f64::from_bits(bits)),
        }
    };
    bytes.chunks_exact(width).map(number).collect()
}

/// Checks one component against the numbers in it.
fn check(component: &Component, numbers: &[Plain]) -> Result<(), TestCaseError> {
    let integers: Vec<i128> = numbers
        .iter()
        .filter_map(|number| if let Plain::Integer(n) = number { Some(*n) } else { None })
        .collect();
    let floats: Vec<f64> = numbers
        .iter()
        .filter_map(|number| if let Plain::Float(x) = number { Some(*x) } else { None })
        .filter(|x| x.is_finite())
        .collect();
    let Some((least, greatest)) = component.bounds else {
        prop_assert!(integers.is_empty() && floats.is_empty());
        prop_assert!(component.mean.is_none());
        return Ok(());
    };
    let exact = |number| match number {
        Number::Integer(n) => (n, f64::NAN),
        Number::Bool(b) => (b.into(), f64::NAN),
        Number::Half(x) | Number::Single(x) => (0, x.into()),
        Number::Double(x) => (0, x),
    };
    if floats.is_empty() {
        prop_assert_eq!(Some(exact(least).0), integers.iter().copied().min());
        prop_assert_eq!(Some(exact(greatest).0), integers.iter().copied().max());
        let sum: i128 = integers.iter().sum();
        prop_assert_eq!(component.sum, Some(Number::Integer(sum)));
        let mean = sum as f64 / integers.len() as f64;
        close(component.mean, mean, integers.iter().map(|&n| n as f64))
    } else {
        prop_assert_eq!(exact(least).1, floats.iter().copied().fold(f64::INFINITY, f64::min));
        prop_assert_eq!(
            exact(greatest).1,
            floats.iter().copied().fold(f64::NEG_INFINITY, f64::max)
        );
        prop_assert_eq!(component.sum.is_some(), component.mean.is_some());
        close(component.mean, mean_of(floats.iter().copied()), floats.iter().copied())
    }
}

/// The mean of numbers whose sum may overflow. Only then are they divided before they are added: the smallest numbers lose
/// their last digits when they are divided.
fn mean_of(terms: impl Iterator<Item = f64> + Clone) -> f64 {
    let count = terms.clone().count() as f64;
    let sum: f64 = terms.clone().sum();
    if sum.is_finite() {
        sum / count
    } else {
        terms.map(|term| term / count).sum()
    }
}

/// Checks that the mean is right except for the rounding of its terms and its own. If there is no mean, the sum must be
/// able to overflow.
fn close(mean: Option<f64>, expected: f64, terms: impl Iterator<Item = f64> + Clone) -> Result<(), TestCaseError> {
    // The value of the last digit of the smallest numbers, which is the same for all of them.
    const LAST_DIGIT: f64 = f64::from_bits(1);
    let count = terms.clone().count() as f64;
    let magnitude = mean_of(terms.map(f64::abs));
    let tolerance = 1e-11 * magnitude + LAST_DIGIT;
    match mean {
        Some(mean) => prop_assert!((mean - expected).abs() <= tolerance, "{mean} is not {expected}"),
        None => prop_assert!(
            magnitude * count > f64::MAX / 2.0,
            "no mean of numbers with the mean {expected}"
        ),
    }
    Ok(())
}

fn check_all(dtype: Dtype, components: usize, piece: u64, bytes: &[u8]) -> Result<(), TestCaseError> {
    let summary = summarise(dtype, components, piece, bytes);
    let numbers = plain(dtype, bytes);
    let is = |test: fn(f64) -> bool| {
        let of_float = |number: &&Plain| matches!(number, Plain::Float(x) if test(*x));
        numbers.iter().filter(of_float).count() as u64
    };
    prop_assert_eq!(summary.nan, is(f64::is_nan));
    prop_assert_eq!(summary.infinite, is(f64::is_infinite));
    let columns = components * if dtype.is_complex() { 2 } else { 1 };
    prop_assert_eq!(summary.components.len(), columns);
    for (first, component) in summary.components.iter().enumerate() {
        let column: Vec<Plain> = numbers.iter().skip(first).step_by(columns).copied().collect();
        check(component, &column)?;
    }
    Ok(())
}

/// Bits that mean something particular in one type or another.
const PARTICULAR: [u64; 12] = [
    0,
    u64::MAX,
    1 << 63,
    (1 << 63) - 1,
    0x7ff0_0000_0000_0000,
    0xfff0_0000_0000_0000,
    0x7fef_ffff_ffff_ffff,
    0x7f80_0000_7f80_0000,
    0xff80_0000_7fc0_0000,
    0x7f7f_ffff_ff7f_ffff,
    0x7c00_fc00_7bff_0001,
    0x0000_0001_0000_0001,
];

/// Blocks of numbers of a moderate size, with any other numbers among them.
fn bytes() -> impl Strategy<Value = Vec<u8>> {
    let moderate = any::<u32>().prop_map(|seed| {
        let x = f64::from(seed) / 4e9 + 0.25;
        x.to_bits().to_le_bytes()
    });
    let single = any::<u16>().prop_map(|seed| {
        let bits = u64::from((f32::from(seed) - 3e4).to_bits());
        (bits << 32 | bits).to_le_bytes()
    });
    let word = prop_oneof![
        40 => moderate,
        40 => single,
        1 => any::<[u8; 8]>(),
        1 => prop::sample::select(&PARTICULAR).prop_map(u64::to_le_bytes),
    ];
    let some = prop::collection::vec(word, 0..100);
    // Long runs of the same few words, so that there are whole blocks with nothing particular in them.
    (some, 1_usize..200).prop_map(|(words, times)| words.as_flattened().repeat(times))
}

proptest! {
    #![proptest_config(crate::properties::config(200))]

    #[test]
    fn statistics_are_those_of_the_model(
        name in prop::sample::select(&TYPES),
        components in 1_usize..=4,
        pieces in 1_u64..5000,
        swap in any::<bool>(),
        mut bytes in bytes(),
    ) {
        let dtype: Dtype = name.parse().expect("a type");
        if swap {
            bytes.reverse();
        }
        let row = dtype.size() * components;
        bytes.truncate(bytes.len() / row * row);
        check_all(dtype, components, pieces * 16, &bytes)?;
    }
}

#[test]
fn every_type_is_read() {
    let bytes: Vec<u8> = (0..96 * 1024_u32)
        .map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8)
        .collect();
    for name in TYPES {
        for components in 1..=4 {
            let dtype = name.parse().expect("a type");
            check_all(dtype, components, 4096, &bytes).expect(name);
        }
    }
}

/// The model's mean is right also for numbers that lose digits when they are divided, and for numbers whose sum overflows.
#[test]
fn means_of_the_smallest_and_of_the_greatest_numbers_are_those_of_the_model() {
    let smallest = f64::from_bits(1);
    for numbers in [
        vec![smallest; 3],
        vec![3.0 * smallest, 4.0 * smallest, -2.0 * smallest],
        [vec![5.0 * smallest; 999], vec![f64::MIN_POSITIVE]].concat(),
        vec![f64::MIN_POSITIVE * 1.7; 10_001],
        vec![f64::MAX; 4],
        vec![f64::MAX, f64::MAX, -f64::MAX, smallest],
    ] {
        let bytes: Vec<u8> = numbers.iter().flat_map(|number| number.to_le_bytes()).collect();
        let checked = check_all("<f8".parse().expect("a type"), 1, 4096, &bytes);
        assert!(checked.is_ok(), "{:?}...: {checked:?}", &numbers[..3]);
    }
}

#[test]
fn one_nan_in_a_block_does_not_hide_the_rest() {
    let mut numbers = vec![1.5_f32; 10_000];
    numbers[0] = f32::NAN;
    numbers[5000] = f32::INFINITY;
    numbers[9999] = -2.0;
    let bytes: Vec<u8> = numbers.iter().flat_map(|number| number.to_le_bytes()).collect();
    let summary = summarise("<f4".parse().expect("a type"), 1, 16 << 10, &bytes);
    assert_eq!((summary.nan, summary.infinite), (1, 1));
    let bounds = (Number::Single(-2.0), Number::Single(1.5));
    assert_eq!(summary.components[0].bounds, Some(bounds));
}

#[test]
fn what_cannot_be_read_is_an_error_on_whatever_thread_it_is() {
    for bad in [0, 3 << 16, 7 << 16] {
        let read = |at: u64, _: &mut [u8]| match at {
            _ if at == bad => Err(LookError::Cancelled),
            _ => Ok(()),
        };
        let stream = Stream {
            dtype: "<f4".parse().expect("a type"),
            components: 1,
            size: 8 << 16,
            piece: 1 << 16,
            read: &read,
        };
        assert!(stream.summarise().is_err(), "{bad}");
    }
}
