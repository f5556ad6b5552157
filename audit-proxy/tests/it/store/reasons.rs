//! A reason takes no more room than it may, in a row and when it is read.

use audit_proxy::store::Refused;
use broker::Incoming;
use messages::excerpt::{MAX_REASON, excerpt};
use sqlx::{AnyConnection, Connection, any::install_default_drivers};
use uuid::Uuid;

use crate::{
    Backend, Database,
    contract::{at, name, only},
};

contract!(a_reason_is_cut_when_it_is_stored_and_one_from_before_when_it_is_read);

async fn a_reason_is_cut_when_it_is_stored_and_one_from_before_when_it_is_read(backend: Backend) {
    let database = Database::create(backend).await;
    let (store, id) = (database.store(), Uuid::now_v7().to_string());
    let message = Incoming::new(Some(&id), None, Vec::new());
    let long = "ñ".repeat(1_000_000);
    let refused = Refused { message: &message, reason: long.clone() };
    store.refuse(&[refused], at(0)).await.expect("kept");
    let reason = only(&store, name(&id)).await.reason.expect("a reason");
    assert_eq!(reason, excerpt(&long, MAX_REASON));

    install_default_drivers();
    let mut link = AnyConnection::connect(&database.text).await.expect("connected");
    let update = sqlx::query("UPDATE messages SET reason = $1").bind(long.clone());
    assert_eq!(update.execute(&mut link).await.expect("done").rows_affected(), 1);
    let reason = only(&store, name(&id)).await.reason.expect("a reason");
    assert!(reason.chars().count() <= MAX_REASON, "{}", reason.len());
    assert!(reason.ends_with("ñ… (cortado, de 1000000 caracteres)"), "{reason}");
    for kept in ["no lleva app_id", &long[..2 * MAX_REASON]] {
        let update = sqlx::query("UPDATE messages SET reason = $1").bind(kept.to_owned());
        update.execute(&mut link).await.expect("done");
        assert_eq!(only(&store, name(&id)).await.reason.as_deref(), Some(kept));
    }
}
