//! The proxy dies at every point of a message's way, again and again. What was published
//! is stored once then, and forwarded at least once, under the same id.

use std::collections::BTreeSet;

use audit_proxy::{register::Standing, store::Change};
use messages::MessageId;
use serde_json::Value;
use test_support::eventually;
use uuid::Uuid;

use super::{
    contract::notices,
    process::{ON_PURPOSE, Process},
    running::{World, name},
};

/// How often it dies at each point.
const TIMES: u32 = 3;

macro_rules! dies_at {
    ($($test:ident: $point:literal,)+) => {
        $(#[tokio::test]
        async fn $test() {
            dies_again_and_again_at($point).await;
        })+
    };
}

dies_at!(
    nothing_is_lost_where_it_dies_before_it_stored_anything: "recibido",
    nothing_is_lost_where_it_dies_between_copy_and_forward: "guardado",
    nothing_is_lost_where_it_dies_while_it_forwards: "publicado",
    nothing_is_lost_where_it_dies_before_it_wrote_down_the_forward: "confirmado",
    nothing_is_lost_where_it_dies_before_the_ack: "anotado",
    nothing_is_lost_where_it_dies_after_an_ack: "acusado",
);

async fn dies_again_and_again_at(point: &str) {
    let world = World::new().await;
    world.publishing_as("servicedesk").await;
    let mut published = Vec::new();
    for _ in 0..TIMES {
        let mut proxy = Process::start(&world).await;
        world.make_mailbox("redmine").await;
        proxy.dies_at(point).await;
        while proxy.exit_code().is_none() {
            let id = Uuid::now_v7();
            world.publish(id, "{}").await;
            published.push(id);
        }
        assert_eq!(proxy.ends().await, ON_PURPOSE);
    }
    let _survivor = Process::start(&world).await;
    for id in &published {
        is_forwarded_and_stored_once(&world, *id).await;
    }
    assert_eq!(forwarded(&world).await, published.iter().map(Uuid::to_string).collect());
}

async fn is_forwarded_and_stored_once(world: &World, id: Uuid) {
    eventually(&format!("{id} is forwarded, once"), || async {
        let stored = world.store.messages(MessageId::from(id)).await;
        match &stored.map_err(|error| error.to_string())?[..] {
            [one] if one.state == "reenviado" => Ok(()),
            other => Err(format!("{other:?}")),
        }
    })
    .await;
}

/// The ids that the destination's queue holds.
async fn forwarded(world: &World) -> BTreeSet<String> {
    let mailbox = messages::names::mailbox(&name("redmine"));
    let id = |message: &Value| message["properties"]["message_id"].as_str().map(str::to_owned);
    world.vhost.take(&mailbox, 10_000).await.iter().filter_map(id).collect()
}

#[tokio::test]
async fn what_was_stored_is_not_refused_because_its_destination_was_suspended_since() {
    let world = World::new().await;
    world.publishing_as("servicedesk").await;
    let mut first = Process::start(&world).await;
    world.make_mailbox("redmine").await;
    first.dies_at("guardado").await;
    let [id, later] = [(); 2].map(|()| Uuid::now_v7());
    world.publish(id, "{}").await;
    assert_eq!(first.ends().await, ON_PURPOSE);
    let stands = async |standing| {
        let change = Change { standing: Some(standing), ..Change::default() };
        assert!(world.store.change_system(&name("redmine"), &change).await.expect("changed"));
    };
    stands(Standing::Suspended).await;
    let _survivor = Process::start(&world).await;
    world.publish(later, "{}").await;
    let is = async |id: Uuid, state: &str| {
        eventually(&format!("{id} is {state}, and nothing else"), || async {
            let stored = world.store.messages(MessageId::from(id)).await;
            match &stored.map_err(|error| error.to_string())?[..] {
                [one] if one.state == state => Ok(()),
                other => Err(format!("{other:?}")),
            }
        })
        .await;
    };
    is(later, "no_admitido").await;
    is(id, "recibido").await;
    stands(Standing::Active).await;
    is(id, "reenviado").await;
    assert_eq!(forwarded(&world).await, BTreeSet::from([id.to_string()]));
}

#[tokio::test]
async fn what_was_told_is_kept_once_where_it_dies_before_the_ack() {
    let world = World::new().await;
    world.publishing_as("servicedesk").await;
    let first = Process::start(&world).await;
    world.make_mailbox("redmine").await;
    let id = Uuid::now_v7();
    world.publish(id, "{}").await;
    is_forwarded_and_stored_once(&world, id).await;
    drop(first);

    world.publishing_as("redmine").await;
    for state in ["error", "procesado", "rechazado"] {
        let mut proxy = Process::start(&world).await;
        proxy.dies_at("notificado").await;
        world.notify(id, state).await;
        assert_eq!(proxy.ends().await, ON_PURPOSE);
    }
    let _survivor = Process::start(&world).await;
    world.vhost.wait_for_queue(messages::names::NOTIFICATIONS, 0, 1).await;
    let told = notices(&world.store, MessageId::from(id)).await;
    let states: Vec<_> = told.iter().map(|notice| notice.state.as_str()).collect();
    assert_eq!(states, ["error", "procesado", "rechazado"]);
}
