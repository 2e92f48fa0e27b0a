//! The frames of a buffer: how they are counted, and which time codes they have.

use std::fmt::{self, Display};
use std::sync::Arc;

use dcc_mcp_shm::Attrs;

use crate::attributes;

/// Two time codes are the same if they differ by less than this share of a step.
const SAME: f64 = 1e-6;
/// Decimal places that are shown of a time code.
const DECIMALS: usize = 6;

/// The frames of a cache or of a batch of images. They are counted from 0.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Frames {
    pub(crate) count: u64,
    time_codes: Option<TimeCodes>,
}

#[derive(Debug, Clone, PartialEq)]
enum TimeCodes {
    /// That of the first frame, and how much it grows from one frame to the next.
    Even { start: f64, step: f64 },
    /// That of each frame.
    Listed(Arc<[f64]>),
}

/// There is no frame of the number that was asked for.
#[derive(Debug, Clone, PartialEq)]
pub struct NoSuchFrame {
    asked: f64,
    frames: Frames,
}

impl Frames {
    /// As many frames as `count`, at the time codes that the attributes state. The time code of a single image may also
    /// be its attribute `frame`.
    #[expect(clippy::cast_precision_loss, reason = "frames of a cache")]
    pub(crate) fn of(attrs: &Attrs, count: u64) -> Self {
        let number = |name: &str| attributes::number(attrs, name);
        let of_one = || number("frame").filter(|_| count == 1);
        let listed = attributes::numbers(attrs, "timeCodes").filter(|codes| codes.len() as u64 == count);
        let even = |start: f64| {
            let step = number("timeCodeStep").unwrap_or(1.0);
            let end = start + count.saturating_sub(1) as f64 * step;
            (step != 0.0 && end.is_finite()).then_some(TimeCodes::Even { start, step })
        };
        let time_codes = listed
            .map(|codes| TimeCodes::Listed(codes.into()))
            .or_else(|| number("startTimeCode").or_else(of_one).and_then(even));
        Self { count, time_codes }
    }

    /// The time code of a frame, if it has one.
    #[expect(clippy::cast_precision_loss, reason = "frames of a cache")]
    pub(crate) fn time_code(&self, frame: u64) -> Option<f64> {
        match self.time_codes.as_ref()? {
            TimeCodes::Even { start, step } => Some(start + frame as f64 * step),
            TimeCodes::Listed(codes) => codes.get(usize::try_from(frame).ok()?).copied(),
        }
    }

    /// The frame that a number means: the one of this time code, or else the one that this number counts from 0.
    ///
    /// # Errors
    /// There is none.
    pub(crate) fn find(&self, asked: f64) -> Result<u64, NoSuchFrame> {
        let is_same = |frame: &u64| self.time_code(*frame).is_some_and(|code| self.are_same(asked, code));
        let of_time_code = match &self.time_codes {
            Some(TimeCodes::Even { start, step }) => self.whole(((asked - start) / step).round()).filter(is_same),
            Some(TimeCodes::Listed(_)) => (0..self.count).find(is_same),
            None => None,
        };
        let found = of_time_code.or_else(|| self.whole(asked));
        let frames = self.clone();
        found.ok_or(NoSuchFrame { asked, frames })
    }

    /// Whether two time codes are the same, or are shown as the same: what an answer shows may be given back.
    fn are_same(&self, one: f64, other: f64) -> bool {
        let step = match self.time_codes {
            Some(TimeCodes::Even { step, .. }) => step.abs(),
            _ => 0.0,
        };
        (one - other).abs() < SAME * step || in_digits(one) == in_digits(other)
    }

    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "a whole number from 0 on that is one of the frames"
    )]
    fn whole(&self, number: f64) -> Option<u64> {
        let is_one = number.fract() == 0.0 && number >= 0.0 && number < self.count as f64;
        is_one.then_some(number as u64)
    }

    /// A frame by its number, and its time code if it has one: `7 (time code 1008)`.
    pub(crate) fn name(&self, frame: u64) -> String {
        match self.time_code(frame) {
            Some(code) => format!("{frame} (time code {})", in_digits(code)),
            None => frame.to_string(),
        }
    }

    /// All frames that there are: `0 to 29 (time codes 1001 to 1030)`.
    pub(crate) fn range(&self) -> String {
        let last = self.count.saturating_sub(1);
        match (self.time_code(0), self.time_code(last)) {
            (Some(start), Some(end)) => {
                format!("0 to {last} (time codes {} to {})", in_digits(start), in_digits(end))
            }
            _ => format!("0 to {last}"),
        }
    }

    /// Says that attributes about time codes do not go together with the frames that there are.
    pub(crate) fn note(&self, attrs: &Attrs) -> Option<String> {
        let listed = attributes::numbers(attrs, "timeCodes").map(|codes| codes.len());
        if let Some(listed) = listed.filter(|&listed| listed as u64 != self.count) {
            return Some(format!(
                "The attribute timeCodes has {listed} numbers, but there are {} frames: it is not used",
                self.count
            ));
        }
        let (stated, last) = (attributes::number(attrs, "endTimeCode")?, self.count.checked_sub(1)?);
        let end = self.time_code(last)?;
        (!self.are_same(stated, end)).then(|| {
            let why = match self.time_codes {
                Some(TimeCodes::Even { step, .. }) => format!(": timeCodeStep is {}", in_digits(step)),
                _ => " in timeCodes".to_owned(),
            };
            format!(
                "The attribute endTimeCode is {}, but frame {last}, the last one, has the time code {}{why}",
                in_digits(stated),
                in_digits(end),
            )
        })
    }
}

/// A time code without decimal places that say nothing.
pub(crate) fn in_digits(code: f64) -> String {
    let text = format!("{code:.DECIMALS$}");
    let text = text.trim_end_matches('0').trim_end_matches('.');
    if text == "-0" { "0" } else { text }.to_owned()
}

impl Display for NoSuchFrame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { asked, frames } = self;
        let number = in_digits(*asked);
        write!(f, "there is no frame {number}")?;
        if let Some(TimeCodes::Even { start, step }) = frames.time_codes {
            let (frame, code) = (in_digits((asked - start) / step), in_digits(start + asked * step));
            write!(
                f,
                " (time code {number} would be frame {frame}, and frame {number} would have time code {code})"
            )?;
        }
        match frames.count {
            0 => f.write_str(": there are no frames"),
            1 => write!(f, ": there is 1 frame, {}", frames.name(0)),
            count => write!(f, ": there are {count} frames, {}", frames.range()),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn frames(attrs: &serde_json::Value, count: u64) -> Frames {
        Frames::of(attrs.as_object().expect("an object"), count)
    }

    proptest! {
        #![proptest_config(crate::properties::config(200))]

        #[test]
        fn every_frame_is_found_by_its_time_code_and_where_no_time_code_is_meant_by_its_number(
            start in -5000_i32..5000,
            quarters in prop_oneof![-12_i32..0, 1_i32..13],
            count in 1_u64..300,
            at in any::<prop::sample::Index>(),
        ) {
            let step = f64::from(quarters) / 4.0;
            let attrs = json!({"startTimeCode": start, "timeCodeStep": step});
            let frames = frames(&attrs, count);
            let frame = at.index(usize::try_from(count).expect("small")) as u64;
            let code = f64::from(start) + f64::from(u32::try_from(frame).expect("small")) * step;
            prop_assert_eq!(frames.find(code), Ok(frame));
            let number = f64::from(u32::try_from(frame).expect("small"));
            let of_code = (0..count).find(|&other| frames.time_code(other) == Some(number));
            prop_assert_eq!(frames.find(number), Ok(of_code.unwrap_or(frame)));
            // What is neither is refused with both meanings and both ranges.
            let beyond = f64::from(start.abs()) + 12.0 * 300.0 + 1.0;
            let error = frames.find(beyond).expect_err("beyond the end").to_string();
            for said in [in_digits(beyond), in_digits((beyond - f64::from(start)) / step), frames.name(0)] {
                prop_assert!(count > 1 && said == frames.name(0) || error.contains(&said), "{said}: {error}");
            }
            prop_assert!(count == 1 || error.contains(&frames.range()), "{error}");
        }
    }

    proptest! {
        #![proptest_config(crate::properties::config(200))]

        #[test]
        fn every_frame_is_found_by_the_time_code_that_is_shown_of_it(
            start in prop_oneof![Just(1001.0), -5000.0..5000.0, 1e6..1e9],
            step in prop::sample::select(vec![1.0 / 24.0, 1.0 / 30.0, 1.0 / 25.0, 1001.0 / 24000.0, -1.0 / 24.0, 1.0 / 48000.0]),
            count in 2_u64..2000,
            at in any::<prop::sample::Index>(),
        ) {
            let cache = json!({"startTimeCode": start, "timeCodeStep": step});
            let frames = frames(&cache, count);
            let frame = at.index(usize::try_from(count).expect("small")) as u64;
            let shown = in_digits(frames.time_code(frame).expect("a time code"));
            prop_assert!(frames.name(frame).contains(&shown));
            prop_assert_eq!(frames.find(shown.parse().expect("a number")), Ok(frame), "{}", shown);
            // A time code between two frames is none of either.
            let number = f64::from(u32::try_from(frame).expect("small"));
            let between = start + (number + 0.5) * step;
            prop_assert!(between.fract() == 0.0 || frames.find(between).is_err(), "{}", between);
            // What is stated as it is shown does not disagree.
            let end: f64 = in_digits(frames.time_code(count - 1).expect("a time code")).parse().expect("a number");
            let stated = json!({"endTimeCode": end});
            prop_assert_eq!(frames.note(stated.as_object().expect("an object")), None);
        }
    }

    #[test]
    fn frames_are_said_with_both_numbers() {
        let cache = frames(&json!({"startTimeCode": 1001, "endTimeCode": 1101}), 101);
        assert_eq!(cache.name(19), "19 (time code 1020)");
        assert_eq!(cache.range(), "0 to 100 (time codes 1001 to 1101)");
        assert_eq!(
            cache.find(1200.0).expect_err("none").to_string(),
            "there is no frame 1200 (time code 1200 would be frame 199, and frame 1200 would have time code 2201): there are \
             101 frames, 0 to 100 (time codes 1001 to 1101)"
        );
        let plain = frames(&json!({}), 3);
        assert_eq!(plain.find(2.0), Ok(2));
        for asked in [3.0, -1.0, 0.5, f64::NAN, f64::INFINITY] {
            let error = plain.find(asked).expect_err("none").to_string();
            assert!(error.contains("there are 3 frames, 0 to 2"), "{error}");
        }
        // Of codes that are listed each is one of a frame, and the others count from 0.
        let listed = frames(&json!({"timeCodes": [1001, 1002.5, 1010]}), 3);
        assert_eq!(
            [1001.0, 1002.5, 1010.0, 2.0].map(|asked| listed.find(asked).ok()),
            [Some(0), Some(1), Some(2), Some(2)]
        );
        let error = listed.find(1003.0).expect_err("none").to_string();
        assert_eq!(
            error,
            "there is no frame 1003: there are 3 frames, 0 to 2 (time codes 1001 to 1010)"
        );
        let short = json!({"time_codes": [1, 2]});
        assert_eq!(frames(&short, 3).find(1.0), Ok(1), "it is not used");
        let note = frames(&short, 3).note(short.as_object().expect("an object"));
        assert!(note.is_some_and(|note| note.contains("2 numbers") && note.contains("3 frames")));
        // A picture of one frame has its attribute `frame` as time code.
        assert_eq!(frames(&json!({"frame": 1020}), 1).find(1020.0), Ok(0));
        assert!(frames(&json!({"frame": 1020}), 2).find(1020.0).is_err());
    }

    #[test]
    fn time_codes_that_disagree_are_told() {
        let note = |attrs: serde_json::Value| frames(&attrs, 11).note(attrs.as_object().expect("an object"));
        assert_eq!(note(json!({"startTimeCode": 1, "endTimeCode": 11})), None);
        assert_eq!(
            note(json!({"startTimeCode": 1, "endTimeCode": 21, "timeCodeStep": 2})),
            None
        );
        assert_eq!(note(json!({"endTimeCode": 21})), None);
        let note = note(json!({"startTimeCode": 1, "endTimeCode": 21})).expect("a note");
        assert!(note.contains("is 21") && note.contains("time code 11"), "{note}");
        assert_eq!(
            frames(&json!({"startTimeCode": 1, "timeCodeStep": 0}), 3).time_code(1),
            None
        );
    }
}
