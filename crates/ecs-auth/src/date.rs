//! Times in the format of `X-Sdk-Date`: `20261123T125900Z`.

use jiff::Timestamp;
use jiff::tz::TimeZone;

/// The maximum difference between the time of a signature and the service's clock, in either
/// direction.
pub const MAX_CLOCK_SKEW: std::time::Duration = std::time::Duration::from_secs(15 * 60);

/// Formats a time in UTC, truncated to seconds.
pub(crate) fn format(time: Timestamp) -> String {
    let time = TimeZone::UTC.to_datetime(time);
    let mut text = String::with_capacity(17);
    if time.year() < 0 {
        text.push('-');
    }
    let year = time.year().unsigned_abs();
    push_two_digits(&mut text, year / 100);
    push_two_digits(&mut text, year % 100);
    push_two_digits(&mut text, time.month().unsigned_abs().into());
    push_two_digits(&mut text, time.day().unsigned_abs().into());
    text.push('T');
    push_two_digits(&mut text, time.hour().unsigned_abs().into());
    push_two_digits(&mut text, time.minute().unsigned_abs().into());
    push_two_digits(&mut text, time.second().unsigned_abs().into());
    text.push('Z');
    text
}

/// Appends a number below 100. Each request has a time: `format!` takes eight times as long.
fn push_two_digits(text: &mut String, number: u16) {
    for digit in [number / 10, number % 10] {
        text.push(char::from_digit(digit.into(), 10).unwrap_or('0'));
    }
}

/// Parses a time; `None` unless it exists and is written exactly as [`format`] writes it.
#[cfg(any(test, feature = "verifier"))]
pub(crate) fn parse(text: &str) -> Option<Timestamp> {
    let bytes = text.as_bytes();
    let shape = bytes.len() == 16
        && bytes.iter().enumerate().all(|(at, byte)| match at {
            8 => *byte == b'T',
            15 => *byte == b'Z',
            _ => byte.is_ascii_digit(),
        });
    if !shape {
        return None;
    }
    let part = |from: usize, to: usize| text.get(from..to)?.parse::<i8>().ok();
    let date = jiff::civil::DateTime::new(
        text.get(..4)?.parse().ok()?,
        part(4, 6)?,
        part(6, 8)?,
        part(9, 11)?,
        part(11, 13)?,
        part(13, 15)?,
        0,
    );
    TimeZone::UTC.to_timestamp(date.ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::{format, parse};

    #[test]
    fn a_time_is_written_to_the_second_and_read_back() {
        let time = "2026-11-23T12:59:00.999Z".parse().unwrap();
        assert_eq!(format(time), "20261123T125900Z");
        assert_eq!(
            parse("20261123T125900Z"),
            Some("2026-11-23T12:59:00Z".parse().unwrap())
        );
    }

    #[test]
    fn other_formats_and_invalid_times_are_refused() {
        for text in [
            "",
            "20261123T125900",
            "2026-11-23T12:59:00Z",
            "20261123 125900Z",
            "20261123T125900z",
            "20261123T125900+",
            "+0261123T125900Z",
            "20261323T125900Z",
            "20260229T125900Z",
            "20261123T240000Z",
            "20261123T125960Z",
            "2026112éT125900Z",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }

    #[test]
    fn the_first_and_the_last_timestamp_can_be_written() {
        assert_eq!(format(jiff::Timestamp::MIN), "-99990102T015959Z");
        assert_eq!(format(jiff::Timestamp::MAX), "99991230T220000Z");
    }

    proptest::proptest! {
        #[test]
        fn times_are_written_as_jiff_writes_them(second in 0..=253_402_207_200_i64) {
            let time = jiff::Timestamp::from_second(second).unwrap();
            proptest::prop_assert_eq!(format(time), time.strftime("%Y%m%dT%H%M%SZ").to_string());
        }
    }
}
