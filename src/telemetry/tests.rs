use super::*;

#[test]
fn every_metric_has_our_prefix_and_a_legal_ending() {
    for (name, kind, help) in NAMES {
        assert!(name.starts_with("porpoise_") && !help.is_empty(), "{name}");
        assert_eq!(name.ends_with("_total"), *kind == MetricKind::Counter, "{name}");
        // A point in time and an age are gauges.
        let is_gauge = name.ends_with("_timestamp_seconds") || name.ends_with("_oldest_seconds");
        let is_span = name.ends_with("_seconds") && !is_gauge;
        assert_eq!(is_span, *kind == MetricKind::Seconds, "{name}");
    }
}

#[test]
fn a_recorded_value_is_rendered() {
    let metrics = install_metrics();
    metrics::counter!("porpoise_db_errors_total", "kind" => "probe").increment(2);
    let text = metrics.render();
    assert!(
        text.contains("porpoise_db_errors_total{kind=\"probe\"} 2"),
        "{text}"
    );
    assert!(text.contains("porpoise_build_info{version="), "{text}");
}
