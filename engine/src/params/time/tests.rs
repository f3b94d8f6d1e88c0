use chrono::NaiveDateTime;
use chrono_tz::Tz;
use proptest::prelude::*;

use super::*;

fn base(local: &str, zone: Tz) -> TimeBase {
    let local = NaiveDateTime::parse_from_str(local, "%Y-%m-%d %H:%M:%S").unwrap();
    TimeBase::in_zone(Timestamp(0), zone).at_local(local).unwrap()
}

fn check(local: &str, zone: Tz, cases: &[(&str, &str)]) {
    let base = base(local, zone);
    for (expression, expected) in cases {
        assert_eq!(
            evaluate(expression, base).as_deref(),
            Some(*expected),
            "$[{expression}] at {local} {zone}"
        );
    }
}

const ZONES: [Tz; 3] = [Tz::UTC, Tz::Asia__Shanghai, Tz::America__New_York];

#[test]
fn the_worked_examples_hold_in_every_zone() {
    for zone in ZONES {
        check(
            "2022-08-26 00:00:00",
            zone,
            &[
                ("yyyyMMdd", "20220826"),
                ("yyyy-MM-dd HH:mm:ss", "2022-08-26 00:00:00"),
                ("yyyyMMdd-1", "20220825"),
                ("yyyyMMdd+1", "20220827"),
                ("yyyyMMdd-7*1", "20220819"),
                ("yyyyMMdd+7*2", "20220909"),
                ("yyyyMMddHH-1/24", "2022082523"),
                ("HHmmss-1/24/60", "235900"),
                ("yyyyMMddHHmm+15/24/60", "202208260015"),
                ("add_months(yyyyMMdd,-1)", "20220726"),
                ("add_months(yyyyMM,12*1)", "202308"),
                ("month_begin(yyyyMMdd,0)", "20220801"),
                ("month_begin(yyyyMMdd,-1)", "20220731"),
                ("month_end(yyyyMMdd,0)", "20220831"),
                ("month_end(yyyyMMdd,1)", "20220901"),
                ("week_begin(yyyyMMdd,0)", "20220822"),
                ("week_end(yyyyMMdd,0)", "20220828"),
                ("week_begin(yyyy-MM-dd,-7)", "2022-08-15"),
                ("month_first_day(yyyy-MM-dd)", "2022-08-01"),
                ("month_first_day(yyyy-MM-dd,-1)", "2022-07-01"),
                ("month_last_day(yyyy-MM-dd,-1)", "2022-07-31"),
                ("week_first_day(yyyy-MM-dd,-1)", "2022-08-15"),
                ("week_last_day(yyyy-MM-dd,-1)", "2022-08-21"),
                ("this_day(yyyy-MM-dd)", "2022-08-26"),
                ("last_day(yyyyMMdd)", "20220825"),
                ("year_week(yyyy-MM-dd)", "2022-34"),
                ("year_week(yyyyMMdd,5)", "202235"),
            ],
        );
    }
}

#[test]
fn a_timestamp_is_that_of_the_zone() {
    let cases = |begin: &'static str, month: &'static str| {
        [
            ("timestamp(yyyyMMdd000000)", begin),
            ("timestamp(yyyyMMddHHmmss)", begin),
            ("timestamp(month_begin(yyyyMMddHHmmss,0))", month),
        ]
    };
    check("2022-08-26 00:00:00", Tz::UTC, &cases("1661472000", "1659312000"));
    check(
        "2022-08-26 00:00:00",
        Tz::Asia__Shanghai,
        &cases("1661443200", "1659283200"),
    );
    check(
        "2022-08-26 00:00:00",
        Tz::America__New_York,
        &cases("1661486400", "1659326400"),
    );
}

#[test]
fn months_end_where_they_end() {
    for zone in ZONES {
        check(
            "2024-01-31 00:00:00",
            zone,
            &[("add_months(yyyyMMdd,1)", "20240229")],
        );
        check(
            "2024-02-29 12:30:00",
            zone,
            &[
                ("add_months(yyyyMMddHHmm,12)", "202502281230"),
                ("add_months(yyyyMMdd,-12)", "20230228"),
                ("add_months(yyyyMMdd,48)", "20280229"),
                ("month_end(yyyyMMddHHmm,0)", "202402291230"),
                ("month_last_day(yyyyMMdd,-1)", "20240131"),
                ("month_last_day(yyyyMMdd,12)", "20250228"),
                ("yyyyMMdd+1", "20240301"),
                ("yyyyMMdd+366", "20250301"),
                ("week_begin(yyyyMMdd,0)", "20240226"),
                ("week_end(yyyyMMdd,0)", "20240303"),
            ],
        );
    }
}

#[test]
fn weeks_round_new_year_belong_to_the_year_of_their_middle() {
    for zone in ZONES {
        check(
            "2024-12-30 00:00:00",
            zone,
            &[
                ("year_week(yyyy-MM-dd)", "2025-01"),
                ("year_week(yyyyMMdd,7)", "202501"),
                ("week_last_day(yyyyMMdd)", "20250105"),
                ("week_begin(yyyyMMdd,0)", "20241230"),
                ("yyyyMMdd+2", "20250101"),
            ],
        );
        check(
            "2025-01-01 00:00:00",
            zone,
            &[
                ("year_week(yyyy-MM-dd)", "2025-01"),
                ("year_week(yyyy,3)", "202501"),
                ("yyyyMMdd-1", "20241231"),
                ("week_first_day(yyyyMMdd)", "20241230"),
                ("month_first_day(yyyyMMdd,-1)", "20241201"),
                ("last_day(yyyy)", "2024"),
            ],
        );
        check(
            "2021-01-03 00:00:00",
            zone,
            &[("year_week(yyyy-MM-dd)", "2020-53")],
        );
        check(
            "2023-01-01 00:00:00",
            zone,
            &[
                ("year_week(yyyy-MM-dd)", "2022-52"),
                ("year_week(yyyy,7)", "202301"),
            ],
        );
    }
}

#[test]
fn a_day_is_a_day_and_an_hour_an_hour_when_clocks_change() {
    let zone = Tz::America__New_York;
    // 2024-03-10 has 23 hours, 2024-11-03 has 25.
    check(
        "2024-03-11 00:00:00",
        zone,
        &[("yyyyMMddHH-1", "2024031000"), ("yyyyMMddHH-24/24", "2024031000")],
    );
    check(
        "2024-03-10 03:30:00",
        zone,
        &[("yyyyMMddHHmm-1/24", "202403100130")],
    );
    check("2024-11-04 00:00:00", zone, &[("yyyyMMddHH-1", "2024110300")]);
    check(
        "2024-11-03 02:00:00",
        zone,
        &[
            ("HHmm-1/24", "0100"),
            ("HHmm-2/24", "0100"),
            ("HHmm-3/24", "0000"),
        ],
    );
    // 02:30 does not exist on that day: the time after the gap stands for it.
    check("2024-03-09 02:30:00", zone, &[("yyyyMMddHHmm+1", "202403100300")]);
}

#[test]
fn signs_have_their_normal_precedence() {
    let base = base("2022-08-26 00:00:00", Tz::UTC);
    let days = |number: &str| evaluate(&format!("month_begin(yyyyMMdd,{number})"), base);
    assert_eq!(days("-1+2").as_deref(), Some("20220802"));
    assert_eq!(days("-(1+2)*2").as_deref(), Some("20220726"));
    assert_eq!(days("7/2").as_deref(), Some("20220804"));
    assert_eq!(days("+1").as_deref(), Some("20220802"));
    assert_eq!(
        evaluate("add_months(yyyyMM,-12*2)", base).as_deref(),
        Some("202008")
    );
    for bad in [
        "1/0",
        "",
        "1+",
        "(1",
        "1)",
        "1 + 1",
        "99999999999999999999",
        "9223372036854775807*2",
        "x",
    ] {
        assert_eq!(days(bad), None, "{bad}");
    }
}

#[test]
fn patterns_are_those_of_java() {
    check(
        "2022-08-06 15:04:05",
        Tz::Asia__Shanghai,
        &[
            ("yy/M/d", "22/8/6"),
            ("yyyy-MM-dd'T'HH:mm:ss.SSSXXX", "2022-08-06T15:04:05.000+08:00"),
            ("hh:mm a", "03:04 PM"),
            ("EEE EEEE", "Sat Saturday"),
            ("MMM MMMM", "Aug August"),
            ("D DDD", "218 218"),
            ("''yyyy''", "'2022'"),
            ("'o''clock' HH", "o'clock 15"),
            ("kk K XX X", "15 3 +0800 +08"),
            ("yyyy年MM月dd日", "2022年08月06日"),
            ("Q w YYYY", "3 31 2022"),
        ],
    );
    check("2022-08-06 00:00:00", Tz::UTC, &[("kk hh K XXX", "24 12 0 Z")]);
}

#[test]
fn what_is_no_time_expression_is_none() {
    let base = base("2022-08-26 00:00:00", Tz::UTC);
    let others = [
        "1",
        "9",
        "12",
        "0",
        "i",
        "i+1",
        "x+1",
        "$i",
        "index",
        "yyyyMMdd-1/0",
        "add_months(yyyyMMdd)",
        "add_months(yyyyMMdd,)",
        "add_months(yyyyMMdd, 1)",
        "add_months(yyyyMMdd,1",
        "month_begin(yyyyMMdd)",
        "last_day(yyyyMMdd,1)",
        "year_week(yyyy,8)",
        "year_week(yyyy,0)",
        "timestamp(yyyyMMdd)",
        "timestamp(timestamp(yyyyMMddHHmmss))",
        "this_day(b)",
        "nope(yyyy,1)",
        "yyyyMMdd-99999999999",
        "add_months(yyyy,999999999999)",
        "'open",
        "mmm",
        "",
        "@",
        "yyyy\n",
        "yyyy]",
    ];
    for other in others {
        assert_eq!(evaluate(other, base), None, "{other}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn any_expression_is_bounded_and_never_panics(
        expression in prop_oneof![
            ".{0,40}",
            "[yMdHms()+*/,0-9'-]{0,40}",
            "(add_months|month_end|week_begin|year_week|timestamp)\\([yMd-]{0,6},?[-+*/0-9()]{0,8}\\)",
        ],
        at in any::<i64>(),
        zone in prop::sample::select(chrono_tz::TZ_VARIANTS.to_vec()),
    ) {
        if let Some(text) = evaluate(&expression, TimeBase::in_zone(Timestamp(at % 100_000_000_000_000), zone)) {
            prop_assert!(text.len() <= 20 * expression.len(), "{expression} gives {text}");
        }
    }

    #[test]
    fn arithmetic_agrees_with_a_plain_sum(a in -1000..1000i64, b in -1000..1000i64, c in 1..1000i64) {
        prop_assert_eq!(arithmetic::evaluate(&format!("{a}+{b}*{c}-({a}-{b})/{c}")), Some(a + b * c - (a - b) / c));
    }
}
