use std::collections::BTreeSet;

use catalog::{Catalog, CatalogError, ProjectId, SecretChange};
use engine::ids::{
    AttemptNumber, DispatchId, Epoch, Generation, Incarnation, InstanceId, TaskIndex, Timestamp,
};
use engine::states::OperationStatus;
use ports::secrets::{GivenSecrets, SecretRequest, SecretSource};
use primitives::secret::Secret;
use secrets::{KeyRing, SealingKey, SharedKeyRing};

use super::fixture::{CatalogFixture, asked};

const DEFAULT: ProjectId = ProjectId(1);
const NODE: Incarnation = Incarnation(1);
const OTHER: Incarnation = Incarnation(2);

fn line() -> String {
    SealingKey::generate_base64().reveal().to_owned()
}

fn ring(lines: &[&str]) -> KeyRing {
    KeyRing::from_lines(&lines.join("\n")).expect("keys")
}

fn with_keys(fixture: &CatalogFixture, lines: &[&str]) -> (Catalog, SharedKeyRing) {
    let keys = SharedKeyRing::new(ring(lines));
    (fixture.catalog.clone().with_keys(keys.clone()), keys)
}

async fn put(catalog: &Catalog, name: &str, value: &str) -> SecretChange {
    let stored = catalog
        .secrets()
        .put(DEFAULT, name, &Secret::new(value), &asked())
        .await;
    stored.expect("it is stored").1
}

/// Stores two active members, and an instance that the first owns.
async fn arrange(fixture: &CatalogFixture) -> InstanceId {
    fixture
        .sql(
            "INSERT INTO member (name, host, roles, state, version, joined_at, state_at) \
             VALUES ('m1', 'h:1', 'master', 'active', '1', 0, 0), ('m2', 'h:2', 'master', 'active', '1', 0, 0)",
        )
        .await;
    let workflow = fixture.flow(DEFAULT, "w").await;
    let instance = fixture.instance(DEFAULT, workflow, "running").await;
    let owned = format!(
        "UPDATE instance SET owner = 1, host = 'h:1', epoch = 1 WHERE id = {}",
        instance.0
    );
    fixture.sql(&owned).await;
    instance
}

fn attempt(instance: InstanceId, number: u32) -> DispatchId {
    DispatchId {
        generation: Generation(1),
        instance,
        task_index: TaskIndex(0),
        attempt: AttemptNumber(number),
        dispatch_number: 1,
    }
}

async fn give(
    fixture: &CatalogFixture,
    keys: &SharedKeyRing,
    uid: DispatchId,
    (owner, epoch): (Incarnation, i64),
    names: &[&str],
) -> GivenSecrets {
    let request = SecretRequest {
        uid,
        owner,
        epoch: Epoch(epoch),
        names: names.iter().map(|name| (*name).to_owned()).collect(),
        others: Vec::new(),
    };
    let store = fixture.store.clone().with_keys(keys.clone());
    let given = store.give_secrets(&[request]).await.expect("an answer");
    given.into_iter().next().expect("one answer")
}

pub(super) async fn a_secret_is_stored_sealed_and_without_a_key_it_is_not(fixture: &CatalogFixture) {
    let (keyless, _) = with_keys(fixture, &[]);
    let refused = keyless
        .secrets()
        .put(DEFAULT, "a", &Secret::new("a value"), &asked())
        .await;
    assert!(
        matches!(
            refused,
            Err(CatalogError::Conflict {
                code: "NO_SECRETS_KEY",
                ..
            })
        ),
        "{refused:?}"
    );
    let (catalog, _) = with_keys(fixture, &[&line()]);
    assert_eq!(put(&catalog, "a", "a value").await, SecretChange::Created);
    assert_eq!(put(&catalog, "a", "another value").await, SecretChange::Replaced);
    assert_eq!(fixture.count("secret_value WHERE sealed LIKE 'v1.%'").await, 2);
    assert_eq!(fixture.count("secret_value WHERE sealed LIKE '%value%'").await, 0);
    assert_eq!(
        fixture.count("secret_value WHERE replaced_at IS NOT NULL").await,
        1
    );
    let missing = catalog
        .secrets()
        .find_missing(DEFAULT, &["a", "aa"])
        .await
        .expect("an answer");
    assert_eq!(missing.len(), 1);
    assert_eq!(missing[0].nearest.as_deref(), Some("a"));
    catalog
        .secrets()
        .delete(DEFAULT, "a", &asked())
        .await
        .expect("it is deleted");
    assert_eq!(fixture.count("secret_value WHERE replaced_at IS NULL").await, 0);
    let again = catalog.secrets().delete(DEFAULT, "a", &asked()).await;
    assert!(matches!(again, Err(CatalogError::NotFound { .. })), "{again:?}");
}

pub(super) async fn an_attempt_keeps_what_it_was_given(fixture: &CatalogFixture) {
    let instance = arrange(fixture).await;
    let (catalog, keys) = with_keys(fixture, &[&line()]);
    put(&catalog, "a", "first value").await;
    let first = attempt(instance, 1);
    let GivenSecrets::Values(values) = give(fixture, &keys, first, (NODE, 1), &["a"]).await else {
        panic!("the owner is given the value");
    };
    assert_eq!(values.get("a").map(Secret::reveal), Some("first value"));
    put(&catalog, "a", "second value").await;
    give(fixture, &keys, attempt(instance, 2), (NODE, 1), &["a"]).await;
    catalog
        .secrets()
        .delete(DEFAULT, "a", &asked())
        .await
        .expect("it is deleted");
    let secrets = catalog.secrets();
    let given = secrets.given_to(&first).await.expect("an answer");
    let opened = secrets.open_given(&given);
    assert_eq!(opened.expect("a key"), [Secret::new("first value")]);
    let second = secrets.given_to(&attempt(instance, 2)).await;
    let opened = secrets.open_given(&second.expect("an answer"));
    assert_eq!(opened.expect("a key"), [Secret::new("second value")]);
    // Without its key a value cannot be masked, so nothing may be shown.
    keys.replace(ring(&[&line()]));
    let unreadable = secrets.open_given(&given);
    assert!(matches!(
        unreadable,
        Err(CatalogError::Conflict {
            code: "NO_SECRETS_KEY",
            ..
        })
    ));
    fixture
        .sql(&format!("DELETE FROM instance WHERE id = {}", instance.0))
        .await;
    assert_eq!(fixture.count("attempt_secret").await, 0);
}

pub(super) async fn gaps_are_named_and_only_owners_are_given_values(fixture: &CatalogFixture) {
    let instance = arrange(fixture).await;
    let (catalog, keys) = with_keys(fixture, &[&line()]);
    put(&catalog, "a", "a value").await;
    let uid = attempt(instance, 1);
    let GivenSecrets::Gap(gap) = give(fixture, &keys, uid, (NODE, 1), &["a", "b"]).await else {
        panic!("a secret is missing");
    };
    assert!(gap.contains("`b`") && gap.contains("does not exist"), "{gap}");
    for stale in [(NODE, 0), (OTHER, 1)] {
        assert_eq!(
            give(fixture, &keys, uid, stale, &["a"]).await,
            GivenSecrets::NotOwned
        );
    }
    assert_eq!(fixture.count("attempt_secret").await, 0, "nothing was given");
    keys.replace(ring(&[&line()]));
    let GivenSecrets::Gap(gap) = give(fixture, &keys, uid, (NODE, 1), &["a"]).await else {
        panic!("the key is missing");
    };
    assert!(gap.contains("the key") && gap.contains("is missing"), "{gap}");
}

/// Counts the stored values that are not under the first key of the ring.
async fn count_outdated(catalog: &Catalog) -> usize {
    let newest = catalog.secret_rotations().first_key().expect("a key");
    let values = catalog.sealed_values();
    values.count_outdated(&newest).await.expect("a count")
}

pub(super) async fn a_rotation_encrypts_everything_and_another_node_continues_it(fixture: &CatalogFixture) {
    arrange(fixture).await;
    let (old, new) = (line(), line());
    let (catalog, keys) = with_keys(fixture, &[&old]);
    for number in 0..450 {
        put(&catalog, &format!("s{number}"), "a long value").await;
    }
    keys.replace(ring(&[&new, &old]));
    assert_eq!(count_outdated(&catalog).await, 450);
    let rotations = catalog.secret_rotations();
    let rotation = rotations.request(&asked()).await.expect("it is accepted");
    let twice = rotations.request(&asked()).await;
    assert!(
        matches!(
            twice,
            Err(CatalogError::Conflict {
                code: "INVALID_STATE",
                ..
            })
        ),
        "{twice:?}"
    );
    let at = Timestamp(10_000);
    let first = rotations
        .claim_open(NODE, at)
        .await
        .expect("an answer")
        .expect("a claim");
    let next = rotations
        .carry_out_batch(first, at)
        .await
        .expect("a batch")
        .expect("more to do");
    // The first node dies: the second takes over when the claim has expired, and the first changes nothing more.
    assert_eq!(rotations.claim_open(OTHER, at).await.expect("an answer"), None);
    let late = Timestamp(60_000);
    let mut claim = rotations.claim_open(OTHER, late).await.expect("an answer");
    assert!(claim.is_some(), "an expired claim is taken over");
    assert_eq!(
        rotations.carry_out_batch(next, late).await.expect("an answer"),
        None
    );
    while let Some(claimed) = claim {
        claim = rotations.carry_out_batch(claimed, late).await.expect("a batch");
    }
    let ended = rotations
        .find(&rotation.operation_id())
        .await
        .expect("an answer")
        .expect("it is there");
    assert_eq!((ended.outcome, ended.rotated), (OperationStatus::Applied, 450));
    assert_eq!(count_outdated(&catalog).await, 0);
    let missing = catalog.sealed_values().list_missing_keys(&ring(&[&new])).await;
    assert_eq!(missing.expect("an answer"), BTreeSet::new());
}

pub(super) async fn a_rotation_without_an_old_key_is_refused_with_its_name(fixture: &CatalogFixture) {
    arrange(fixture).await;
    let (old, new) = (line(), line());
    let (catalog, keys) = with_keys(fixture, &[&old]);
    put(&catalog, "a", "a long value").await;
    keys.replace(ring(&[&new]));
    let id = ring(&[&old]).ids().next().expect("a key").clone();
    let missing = catalog.sealed_values().list_missing_keys(&keys.current()).await;
    assert_eq!(missing.expect("an answer"), BTreeSet::from([id.clone()]));
    let rotations = catalog.secret_rotations();
    let rotation = rotations.request(&asked()).await.expect("it is accepted");
    let at = Timestamp(10_000);
    let claim = rotations
        .claim_open(NODE, at)
        .await
        .expect("an answer")
        .expect("a claim");
    assert_eq!(
        rotations.carry_out_batch(claim, at).await.expect("an answer"),
        None
    );
    let ended = rotations
        .find(&rotation.operation_id())
        .await
        .expect("an answer")
        .expect("it is there");
    assert_eq!(ended.outcome, OperationStatus::Refused);
    assert!(ended.refusal.is_some_and(|why| why.contains(id.as_str())));
}
