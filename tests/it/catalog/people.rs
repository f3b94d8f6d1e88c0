use catalog::{
    Access, CatalogError, Grant, NewToken, PageRequest, Permission, ProjectId, Token, TokenKind, User,
    UserEdit, UserRole,
};
use engine::ids::Timestamp;

use super::fixture::{CatalogFixture, asked};

const DEFAULT: ProjectId = ProjectId(1);

async fn token(fixture: &CatalogFixture, user: &User, hash: &str, kind: TokenKind) -> Token {
    let new = NewToken {
        user: user.id,
        name: format!("for {hash}"),
        kind,
        hash: hash.to_owned(),
        expires_at: Some(Timestamp(5_000)),
    };
    fixture
        .catalog
        .tokens()
        .create(&new, &asked())
        .await
        .expect("a token")
}

async fn holder(fixture: &CatalogFixture, hash: &str, at: i64) -> Option<String> {
    let identity = fixture
        .catalog
        .tokens()
        .authenticate(hash, Timestamp(at))
        .await
        .expect("an answer");
    identity.map(|identity| identity.name)
}

fn is_last_admin<T>(answer: &Result<T, CatalogError>) -> bool {
    matches!(
        answer,
        Err(CatalogError::Conflict {
            code: "LAST_ADMIN",
            ..
        })
    )
}

pub(super) async fn a_token_tells_its_holder_until_it_expires_or_is_deleted(fixture: &CatalogFixture) {
    let ann = fixture.member("ann").await;
    let made = token(fixture, &ann, "h1", TokenKind::Api).await;
    let identity = fixture
        .catalog
        .tokens()
        .authenticate("h1", Timestamp(4_999))
        .await
        .expect("an answer")
        .expect("ann");
    assert_eq!(
        (identity.user, identity.role, identity.token),
        (ann.id, UserRole::Member, made.id)
    );
    let used = fixture
        .catalog
        .tokens()
        .find(made.id)
        .await
        .expect("an answer")
        .expect("the token");
    assert_eq!(used.last_used, Some(Timestamp(4_999)));
    assert_eq!(holder(fixture, "h1", 5_000).await, None);
    assert_eq!(holder(fixture, "h2", 1_000).await, None);

    fixture
        .catalog
        .tokens()
        .delete(made.id, &asked())
        .await
        .expect("a delete");
    assert_eq!(holder(fixture, "h1", 1_000).await, None);
    let again = fixture.catalog.tokens().delete(made.id, &asked()).await;
    assert!(matches!(again, Err(CatalogError::NotFound { .. })), "{again:?}");
}

pub(super) async fn an_edit_that_changes_something_revokes_every_token(fixture: &CatalogFixture) {
    fixture.user("root", UserRole::Admin).await;
    let ann = fixture.member("ann").await;
    let edits = [
        UserEdit {
            role: Some(UserRole::Admin),
            ..UserEdit::default()
        },
        UserEdit {
            password_hash: Some("other".to_owned()),
            ..UserEdit::default()
        },
        UserEdit {
            access: Some(Access::Disabled),
            ..UserEdit::default()
        },
    ];
    for (number, edit) in edits.iter().enumerate() {
        let (api, session) = (format!("api{number}"), format!("session{number}"));
        token(fixture, &ann, &api, TokenKind::Api).await;
        token(fixture, &ann, &session, TokenKind::Session).await;
        let same = UserEdit {
            access: Some(Access::Enabled),
            ..UserEdit::default()
        };
        fixture
            .catalog
            .users()
            .edit("ann", &same, &asked())
            .await
            .expect("nothing changes");
        assert_eq!(holder(fixture, &api, 1_000).await.as_deref(), Some("ann"));
        fixture
            .catalog
            .users()
            .edit("ann", edit, &asked())
            .await
            .expect("an edit");
        assert_eq!(holder(fixture, &api, 1_000).await, None, "{edit:?}");
        assert_eq!(holder(fixture, &session, 1_000).await, None, "{edit:?}");
    }
    let credentials = fixture
        .catalog
        .users()
        .find_credentials("ann")
        .await
        .expect("an answer")
        .expect("ann");
    assert_eq!(
        (credentials.user.role, credentials.user.access),
        (UserRole::Admin, Access::Disabled)
    );
    assert_eq!(credentials.password_hash.as_deref(), Some("other"));
}

pub(super) async fn a_disabled_user_gets_no_token(fixture: &CatalogFixture) {
    let ann = fixture.member("ann").await;
    let disable = UserEdit {
        access: Some(Access::Disabled),
        ..UserEdit::default()
    };
    fixture
        .catalog
        .users()
        .edit("ann", &disable, &asked())
        .await
        .expect("an edit");
    let new = NewToken {
        user: ann.id,
        name: "late".to_owned(),
        kind: TokenKind::Api,
        hash: "late".to_owned(),
        expires_at: None,
    };
    let refused = fixture.catalog.tokens().create(&new, &asked()).await;
    assert!(
        matches!(refused, Err(CatalogError::NotFound { .. })),
        "{refused:?}"
    );
}

pub(super) async fn the_last_admin_stays(fixture: &CatalogFixture) {
    fixture.user("root", UserRole::Admin).await;
    fixture.member("ann").await;
    let demote = UserEdit {
        role: Some(UserRole::Member),
        ..UserEdit::default()
    };
    let disable = UserEdit {
        access: Some(Access::Disabled),
        ..UserEdit::default()
    };
    assert!(is_last_admin(
        &fixture.catalog.users().edit("root", &demote, &asked()).await
    ));
    assert!(is_last_admin(
        &fixture.catalog.users().edit("root", &disable, &asked()).await
    ));
    assert!(is_last_admin(
        &fixture.catalog.users().delete("root", &asked()).await
    ));

    fixture.user("boss", UserRole::Admin).await;
    let request = asked();
    let (one, two) = tokio::join!(
        fixture.catalog.users().delete("root", &request),
        fixture.catalog.users().edit("boss", &demote, &request),
    );
    assert!(is_last_admin(&one) != is_last_admin(&two), "{one:?} {two:?}");
    fixture
        .catalog
        .users()
        .delete("ann", &asked())
        .await
        .expect("a member may go");
}

pub(super) async fn the_first_start_makes_one_admin_however_often_it_is_asked(fixture: &CatalogFixture) {
    assert_eq!(fixture.catalog.users().is_empty().await, Ok(true));
    for _ in 0..2 {
        fixture
            .catalog
            .users()
            .ensure_admin("h1", Timestamp(1_000))
            .await
            .expect("an admin");
    }
    assert_eq!(fixture.catalog.users().is_empty().await, Ok(false));
    let admin = fixture
        .catalog
        .tokens()
        .authenticate("h1", Timestamp(2_000))
        .await
        .expect("an answer")
        .expect("admin");
    assert_eq!((admin.name.as_str(), admin.role), ("admin", UserRole::Admin));
    assert_eq!(
        (fixture.count("token").await, fixture.count("audit").await),
        (1, 1)
    );
}

pub(super) async fn a_grant_is_given_changed_and_taken_back(fixture: &CatalogFixture) {
    let ann = fixture.member("ann").await;
    let permission = async || {
        fixture
            .catalog
            .grants()
            .permission(ann.id, DEFAULT)
            .await
            .expect("an answer")
    };
    assert_eq!(permission().await, None);
    for wanted in [
        Permission::Read,
        Permission::Owner,
        Permission::Write,
        Permission::Execute,
    ] {
        let grant = Grant {
            user: "ann".to_owned(),
            permission: wanted,
        };
        fixture
            .catalog
            .grants()
            .put(DEFAULT, &grant, &asked())
            .await
            .expect("a grant");
        assert_eq!(permission().await, Some(wanted));
        let listed = fixture
            .catalog
            .grants()
            .list(DEFAULT, &PageRequest::default())
            .await;
        assert_eq!(listed.expect("an answer").items, [grant]);
    }
    fixture
        .catalog
        .grants()
        .delete(DEFAULT, "ann", &asked())
        .await
        .expect("a delete");
    assert_eq!(permission().await, None);
    let again = fixture.catalog.grants().delete(DEFAULT, "ann", &asked()).await;
    assert!(matches!(again, Err(CatalogError::NotFound { .. })), "{again:?}");
    let unknown_user = Grant {
        user: "bob".to_owned(),
        permission: Permission::Read,
    };
    let unknown = fixture
        .catalog
        .grants()
        .put(DEFAULT, &unknown_user, &asked())
        .await;
    assert!(
        matches!(unknown, Err(CatalogError::NotFound { .. })),
        "{unknown:?}"
    );
}

pub(super) async fn a_deleted_user_leaves_no_token(fixture: &CatalogFixture) {
    fixture.user("root", UserRole::Admin).await;
    let ann = fixture.member("ann").await;
    token(fixture, &ann, "h1", TokenKind::Api).await;
    let grant = Grant {
        user: "ann".to_owned(),
        permission: Permission::Read,
    };
    fixture
        .catalog
        .grants()
        .put(DEFAULT, &grant, &asked())
        .await
        .expect("a grant");
    fixture
        .catalog
        .users()
        .delete("ann", &asked())
        .await
        .expect("a delete");
    assert_eq!(holder(fixture, "h1", 1_000).await, None);
    assert_eq!(
        (fixture.count("token").await, fixture.count("project_grant").await),
        (0, 0)
    );
    assert_eq!(fixture.catalog.users().find("ann").await, Ok(None));
}

pub(super) async fn tokens_are_listed_without_sessions_and_those_of_others(fixture: &CatalogFixture) {
    let (ann, bob) = (fixture.member("ann").await, fixture.member("bob").await);
    for (user, hash, kind) in [
        (&ann, "a1", TokenKind::Api),
        (&ann, "a2", TokenKind::Session),
        (&bob, "b1", TokenKind::Api),
        (&ann, "a3", TokenKind::Api),
    ] {
        token(fixture, user, hash, kind).await;
    }
    let names = async |user, at| {
        let page = fixture
            .catalog
            .tokens()
            .list(user, Timestamp(at), &PageRequest::default())
            .await
            .expect("a page");
        page.items.into_iter().map(|token| token.name).collect::<Vec<_>>()
    };
    assert_eq!(names(Some(ann.id), 1_000).await, ["for a3", "for a1"]);
    assert_eq!(names(None, 1_000).await, ["for a3", "for b1", "for a1"]);
    assert_eq!(names(None, 5_000).await, Vec::<String>::new());
}
