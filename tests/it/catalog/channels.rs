use catalog::{CatalogError, ChannelChange, ChannelOwner, ChannelPut, NewSilence, SilenceChange};
use engine::channel::CHANNELS;
use engine::ids::Timestamp;
use ports::{ChannelGap, ChannelName, ChannelSource as _, ResolvedChannel};
use serde_json::{Value, json};

use super::fixture::{CatalogFixture, asked};

async fn put(fixture: &CatalogFixture, owner: ChannelOwner, name: &str, body: Value) -> ChannelChange {
    let draft = CHANNELS.parse(&body).expect("a valid body");
    match fixture.catalog.channels().put(owner, name, draft, &asked()).await {
        Ok(ChannelPut::Stored(_, change)) => change,
        other => panic!("{body} is not stored: {other:?}"),
    }
}

async fn resolve(
    fixture: &CatalogFixture,
    project: Option<i64>,
    name: &str,
) -> Result<ResolvedChannel, ChannelGap> {
    let name = ChannelName {
        project,
        name: name.to_owned(),
    };
    fixture.catalog.resolve_channel(&name).await
}

fn webhook(url: &str) -> Value {
    json!({ "type": "webhook", "url": url, "sign": "bearer", "secret": "s3cr3t-token" })
}

pub(super) async fn a_channel_of_the_project_goes_before_a_shared_one(fixture: &CatalogFixture) {
    let project = fixture.project("retail").await.id;
    let own = ChannelOwner::Project(project);
    assert_eq!(
        put(fixture, ChannelOwner::Shared, "oncall", webhook("http://shared")).await,
        ChannelChange::Created
    );
    let resolved = resolve(fixture, Some(project.0), "oncall")
        .await
        .expect("the shared one");
    assert_eq!(resolved.fields["url"], "http://shared");
    assert_eq!(
        put(fixture, own, "oncall", webhook("http://own")).await,
        ChannelChange::Created
    );
    let resolved = resolve(fixture, Some(project.0), "oncall")
        .await
        .expect("its own");
    assert_eq!(
        (&resolved.fields["url"], &resolved.fields["secret"]),
        (&json!("http://own"), &json!("s3cr3t-token"))
    );
    assert_eq!(resolved.secrets, ["s3cr3t-token"]);
    let resolved = resolve(fixture, None, "oncall").await.expect("the shared one");
    assert_eq!(resolved.fields["url"], "http://shared");
    let gap = resolve(fixture, None, "onkall").await.err();
    let expected = "there is no channel `onkall`; did you mean `oncall`?".to_owned();
    assert_eq!(gap, Some(ChannelGap::Missing(expected)));
}

pub(super) async fn a_secret_is_sealed_for_its_row(fixture: &CatalogFixture) {
    for name in ["a", "b"] {
        put(fixture, ChannelOwner::Shared, name, webhook("http://h")).await;
    }
    assert_eq!(
        fixture
            .count("channel WHERE sealed LIKE '%s3cr3t%' OR fields LIKE '%s3cr3t%'")
            .await,
        0
    );
    fixture
        .sql("UPDATE channel SET sealed = (SELECT o.sealed FROM channel o WHERE o.name = 'b') WHERE name = 'a'")
        .await;
    let gap = resolve(fixture, None, "a").await.err();
    assert!(
        matches!(&gap, Some(ChannelGap::Missing(why)) if why.contains("`secret`")),
        "{gap:?}"
    );
    assert!(resolve(fixture, None, "b").await.is_ok());
}

pub(super) async fn what_a_project_had_goes_with_it(fixture: &CatalogFixture) {
    let project = fixture.project("retail").await.id;
    put(
        fixture,
        ChannelOwner::Project(project),
        "oncall",
        webhook("http://h"),
    )
    .await;
    let silence = NewSilence {
        project: Some(project),
        workflow: None,
        event: None,
        until: Timestamp(i64::MAX),
        reason: "x".to_owned(),
    };
    let silences = fixture.catalog.silences();
    let stored = silences.put(("upgrade", None), &silence, &asked()).await;
    assert_eq!(stored, Ok(SilenceChange::Created));
    let unseen = silences.put(("upgrade", None), &silence, &asked()).await;
    assert!(
        matches!(
            unseen,
            Err(CatalogError::Conflict {
                code: "INVALID_STATE",
                ..
            })
        ),
        "{unseen:?}"
    );
    let seen = silences.find("upgrade").await.expect("an answer");
    let again = silences.put(("upgrade", seen.as_ref()), &silence, &asked()).await;
    assert_eq!(again, Ok(SilenceChange::Replaced));
    fixture
        .catalog
        .projects()
        .delete("retail", &asked())
        .await
        .expect("a deletion");
    assert_eq!(fixture.count("channel").await + fixture.count("silence").await, 0);
}
