//! The grammar against a slow independent reading of it.

use chrono::{NaiveDate, NaiveDateTime};
use proptest::prelude::*;

use super::{Cron, CronError, CronField};

fn refusal(text: &str) -> (Option<CronField>, String) {
    match text.parse::<Cron>() {
        Err(CronError::Invalid { field, message, .. }) => (field, message),
        other => panic!("{text:?} gave {other:?}"),
    }
}

#[test]
fn a_mistake_names_its_field_its_text_and_what_is_allowed() {
    let (field, message) = refusal("0 0 25 * * ?");
    assert_eq!(field, Some(CronField::Hour));
    assert_eq!(message, r#"hour: "25" is not allowed; allowed: 0-23"#);
    let (field, message) = refusal("0 0 0 1,40 * ?");
    assert_eq!(field, Some(CronField::DayOfMonth));
    assert!(
        message.starts_with(r#"day of month: "40" is not allowed"#),
        "{message}"
    );
    let (_, message) = refusal("1-99/2 * * * *");
    assert!(
        message.starts_with(r#"minute: "1-99/2" has "99", which is not allowed"#),
        "{message}"
    );
    let (_, message) = refusal("*/61 * * * *");
    assert!(
        message.starts_with(r#"minute: "*/61" needs a step from 1 to 60 after the /"#),
        "{message}"
    );
}

#[test]
fn two_restricted_day_fields_of_six_are_refused_with_the_fix() {
    let (field, message) = refusal("0 0 0 1 * MON");
    assert_eq!(field, Some(CronField::QuartzDayOfWeek));
    assert!(
        message.contains("both restricted") && message.contains("write ?"),
        "{message}"
    );
}

#[test]
fn habits_of_the_other_grammar_are_explained() {
    assert!(refusal("0 0 ? * ? 1").1.contains("the first one is seconds"));
    assert!(refusal("0 0 1 * ? 1").1.contains("the first one is seconds"));
    assert!(refusal("0 0 0 ? * 0").1.contains("Sunday is 1"));
    assert!(refusal("* * *").1.contains("has 3 fields"));
    assert!(refusal("@every 5m").1.contains("@hourly"));
}

/// Reads one field by walking over its values one by one; follows the contract sentence by sentence.
fn is_in_field(item_list: &str, value: u32, field: (u32, u32)) -> bool {
    let (lowest, highest) = field;
    item_list.split(',').any(|item| {
        let (range, step) = item
            .split_once('/')
            .map_or((item, None), |(r, s)| (r, s.parse::<u32>().ok()));
        let (from, to) = match range.split_once('-') {
            Some((from, to)) => (from.parse().unwrap(), to.parse().unwrap()),
            None if range == "*" => (lowest, highest),
            None if step.is_some() => (range.parse().unwrap(), highest),
            None => (range.parse().unwrap(), range.parse().unwrap()),
        };
        let mut at: u32 = from;
        let mut walked = 0;
        loop {
            if at == value && walked % step.unwrap_or(1) == 0 {
                return true;
            }
            if at == to {
                return false;
            }
            at = if at == highest { lowest } else { at + 1 };
            walked += 1;
        }
    })
}

fn item(lowest: u32, highest: u32) -> impl Strategy<Value = String> {
    let value = lowest..=highest;
    prop_oneof![
        Just("*".to_owned()),
        value.clone().prop_map(|v| v.to_string()),
        (value.clone(), value.clone()).prop_map(|(a, b)| format!("{a}-{b}")),
        (value.clone(), value.clone(), 1..=highest).prop_map(|(a, b, n)| format!("{a}-{b}/{n}")),
        (value.clone(), 1..=highest).prop_map(|(a, n)| format!("{a}/{n}")),
        (1..=highest).prop_map(|n| format!("*/{n}")),
    ]
}

fn list(lowest: u32, highest: u32) -> impl Strategy<Value = String> {
    prop::collection::vec(item(lowest, highest), 1..4).prop_map(|items| items.join(","))
}

fn any_minute() -> impl Strategy<Value = NaiveDateTime> {
    (0..4000_i64, 0..24_u32, 0..60_u32, 0..60_u32).prop_map(|(day, hour, minute, second)| {
        let date =
            NaiveDate::from_ymd_opt(2024, 1, 1).unwrap() + chrono::Days::new(u64::try_from(day).unwrap());
        date.and_hms_opt(hour, minute, second).unwrap()
    })
}

proptest! {
    #[test]
    fn times_of_a_day_agree_with_a_walk_over_every_second(
        (second, minute, hour) in (list(0, 59), list(0, 59), list(0, 23)),
        start in any_minute(),
    ) {
        use chrono::Timelike as _;
        let cron: Cron = format!("{second} {minute} {hour} * * ?").parse().unwrap();
        let matches = |time: NaiveDateTime| {
            is_in_field(&second, time.second(), (0, 59))
                && is_in_field(&minute, time.minute(), (0, 59))
                && is_in_field(&hour, time.hour(), (0, 23))
        };
        // A step over seconds that cannot match keeps the walk short.
        let walk = |forward: bool| {
            let mut time = start;
            loop {
                if matches(time) {
                    return time;
                }
                let step = match (is_in_field(&hour, time.hour(), (0, 23)), forward) {
                    (true, true) => 1,
                    (true, false) => -1,
                    (false, true) => 3600 - i64::from(time.minute() * 60 + time.second()),
                    (false, false) => -1 - i64::from(time.minute() * 60 + time.second()),
                };
                time += chrono::Duration::seconds(step);
            }
        };
        prop_assert_eq!(cron.first_from(start), Some(walk(true)));
        prop_assert_eq!(cron.last_until(start), Some(walk(false)));
    }

    #[test]
    fn days_agree_with_a_walk_over_every_day(
        (day, month, weekday) in (list(1, 31), list(1, 12), list(0, 6)),
        start in any_minute(),
    ) {
        use chrono::Datelike as _;
        let Ok(cron) = format!("0 12 {day} {month} {weekday}").parse::<Cron>() else {
            return Ok(());
        };
        let either = [&day, &weekday].iter().all(|text| !text.starts_with('*'));
        let matches = |date: NaiveDate| {
            let in_month = is_in_field(&month, date.month(), (1, 12));
            let by_day = is_in_field(&day, date.day(), (1, 31));
            let by_weekday = is_in_field(&weekday, date.weekday().num_days_from_sunday(), (0, 6));
            in_month && if either { by_day || by_weekday } else { by_day && by_weekday }
        };
        let noon = |date: NaiveDate| date.and_hms_opt(12, 0, 0).unwrap();
        let first = start.date().iter_days().take(15_000).find(|date| matches(*date) && noon(*date) >= start);
        prop_assert_eq!(cron.first_from(start), first.map(noon));
    }

    #[test]
    fn any_text_is_parsed_or_refused_without_panic(text in "[0-9*/,?LW#@A-Fa-z -]{0,30}") {
        if let Ok(cron) = text.parse::<Cron>() {
            prop_assert_eq!(cron.to_string(), text.trim());
        }
    }
}

#[test]
fn special_days_of_a_month() {
    let day = |text: &str, year, month| {
        let cron: Cron = format!("0 0 0 {text} * ?").parse().unwrap();
        let first = NaiveDate::from_ymd_opt(year, month, 1).unwrap();
        cron.first_from(first.and_hms_opt(0, 0, 0).unwrap())
            .unwrap()
            .date()
            .to_string()
    };
    assert_eq!(day("L", 2028, 2), "2028-02-29");
    assert_eq!(day("l-2", 2028, 2), "2028-02-27");
    assert_eq!(day("LW", 2026, 5), "2026-05-29");
    assert_eq!(day("1W", 2026, 8), "2026-08-03");
    assert_eq!(day("31W", 2026, 5), "2026-05-29");
    assert_eq!(day("15W", 2026, 8), "2026-08-14");
    assert_eq!(day("16W", 2026, 8), "2026-08-17");
    assert_eq!(day("31W", 2026, 6), "2026-07-31", "June has no 31st");
}

#[test]
fn an_expression_is_described_in_words() {
    let described = [
        ("30 2 * * *", "at 02:30 every day"),
        (
            "0 */4 * * *",
            "at 00:00, 04:00, 08:00, 12:00, 16:00 and 20:00 every day",
        ),
        ("*/15 * * * *", "every 15 minutes every day"),
        ("@hourly", "every hour every day"),
        ("5 * * * 1-5", "at minute 5 of every hour on Monday to Friday"),
        ("0 0 9 ? * 6#3", "at 09:00 on the third Friday of the month"),
        (
            "0 0 9 L-2 * ?",
            "at 09:00 on 2 days before the last day of the month",
        ),
        ("0 0 13 * 5", "at 00:00 on day 13 of the month or on Friday"),
        (
            "30 0/5 8-17 ? JAN-MAR MON 2026",
            "at second 30 of minute 0, 5, 10, 15, 20, 25, 30, 35, 40, 45, 50 and 55 of the hours 08 to 17 on Monday in January, February and March in 2026",
        ),
        ("*/5 * * * * ?", "every 5 seconds of every minute every day"),
        ("* 9-17 * * *", "every minute of the hours 09 to 17 every day"),
    ];
    for (expression, words) in described {
        assert_eq!(
            expression.parse::<Cron>().unwrap().describe(),
            words,
            "{expression}"
        );
    }
}
