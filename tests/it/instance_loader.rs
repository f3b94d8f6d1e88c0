//! Many instances that are loaded at once are read together.

use std::sync::Arc;

use actors::execution::instance_loader::InstanceLoader;
use actors::testing::store::FakeStore;
use engine::ids::{Epoch, InstanceId};
use futures_util::future::join_all;
use ports::{InstanceWriter as _, StoreError, Write, WriteOutcome};

use crate::store::store_under_test::new_instance;

/// More than go into one read.
const MANY: usize = 450;

/// A store with instances of one owner, and the reader of that owner.
async fn store_with_instances(instances: usize) -> (FakeStore, InstanceLoader, Vec<InstanceId>) {
    let store = FakeStore::default();
    let me = store.add_member("one", "h1");
    let mut ids = Vec::new();
    for _ in 0..instances {
        let made = store.write_batch(&[Write::Create(new_instance(Some(&me)))]).await;
        let Ok([WriteOutcome::Created { id, .. }]) = made.as_deref() else {
            panic!("{made:?}");
        };
        ids.push(*id);
    }
    let loader = InstanceLoader::new(Arc::new(store.clone()), me.incarnation);
    (store, loader, ids)
}

#[actix_rt::test]
async fn what_is_asked_for_during_a_read_is_read_together() {
    let (store, loader, ids) = store_with_instances(MANY).await;
    let found = join_all(ids.iter().map(|id| loader.load(*id, Epoch(1)))).await;
    for (id, found) in ids.iter().zip(found) {
        assert_eq!(found.unwrap().map(|one| one.rows.id), Some(*id));
    }
    let reads = store.reads();
    assert_eq!(reads.iter().sum::<usize>(), MANY, "each is read once: {reads:?}");
    assert!(reads.len() <= 4, "{reads:?}");
}

#[actix_rt::test]
async fn a_reader_that_had_nothing_more_to_read_begins_again() {
    let (_, loader, ids) = store_with_instances(3).await;
    for id in ids {
        assert!(loader.load(id, Epoch(1)).await.unwrap().is_some());
    }
}

#[actix_rt::test]
async fn rows_that_cannot_be_read_fail_their_own_instance_only() {
    let (store, loader, ids) = store_with_instances(20).await;
    store.damage(ids[7]);
    let found = join_all(ids.iter().map(|id| loader.load(*id, Epoch(1)))).await;
    for (id, found) in ids.iter().zip(found) {
        match found {
            Err(StoreError::Rejected(_)) => assert_eq!(*id, ids[7]),
            found => assert_eq!(found.unwrap().map(|one| one.rows.id), Some(*id)),
        }
    }
}

#[actix_rt::test]
async fn an_instance_that_is_owned_otherwise_is_not_there() {
    let (_, loader, ids) = store_with_instances(2).await;
    let both =
        join_all([(ids[0], Epoch(1)), (ids[1], Epoch(2))].map(|(id, epoch)| loader.load(id, epoch))).await;
    let [mine, other] = both.try_into().unwrap();
    assert!(mine.unwrap().is_some() && other.unwrap().is_none());
}
