//! What the store measures of its database.

use metrics_exporter_prometheus::PrometheusBuilder;
use sea_orm::ConnectionTrait as _;

use super::store_under_test::Database;

#[tokio::test]
async fn statements_are_timed_by_operation_and_errors_counted_by_kind() {
    let recorder = PrometheusBuilder::new().build_recorder();
    let metrics = recorder.handle();
    let _recording = metrics::set_default_local_recorder(&recorder);
    let database = Database::on_sqlite().await;
    let store = &database.store;
    let transaction = store.begin().await.expect("a transaction");
    let rows = transaction.query_all_raw(store.statement("SELECT 1", [])).await;
    rows.expect("a row");
    store.commit(transaction).await.expect("a commit");
    let duplicate = "INSERT INTO project (id, name, created_at, updated_at) VALUES (1, 'again', 0, 0)";
    let refused = store.writer().execute_unprepared(duplicate).await;
    refused.expect_err("the id is taken");

    let text = metrics.render();
    for op in ["begin", "query", "commit", "execute"] {
        let sample = format!("porpoise_db_query_duration_seconds_count{{op=\"{op}\"}}");
        assert!(text.contains(&sample), "{sample} is missing in\n{text}");
    }
    let errors = "porpoise_db_errors_total{kind=\"rejected\"} 1";
    assert!(text.contains(errors), "{errors} is missing in\n{text}");
}
