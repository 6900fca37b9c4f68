use chrono::TimeDelta;
use platform::testing::TestPlatform;
use tokio::task::JoinSet;

use super::*;
use crate::attachment::MAX_ATTACHMENTS;
use crate::testing::{A_PDF, A_PNG, a_shop, sweep_up};

/// A customer with an order to attach something to.
struct Case {
    platform: TestPlatform,
    orders: Orders,
    ann: UserId,
    number: OrderNumber,
}

impl Case {
    async fn open() -> Self {
        let (platform, orders) = a_shop().await;
        let ann = orders.a_user();
        let number = orders.a_placed_order(ann).await.number;
        Self {
            platform,
            orders,
            ann,
            number,
        }
    }

    async fn attach(&self, name: &str, file: &'static [u8]) -> Result<Attachment, AttachError> {
        let file = Bytes::from_static(file);
        self.orders.attach(self.ann, self.number, name, file).await
    }

    async fn start(&self, name: &str, content_type: &str) -> AttachmentId {
        let started = self
            .orders
            .start_attachment(self.ann, self.number, name, content_type);
        started.await.unwrap().id
    }

    /// Puts a file where a started upload goes. Storage takes whatever comes, as a bucket does.
    async fn put(&self, id: AttachmentId, content_type: &str, file: impl Into<Bytes>) {
        let key = upload_key(id).unwrap();
        let put = self.platform.storage.put(&key, content_type, file.into());
        put.await.unwrap();
    }

    async fn finish(&self, id: AttachmentId) -> Result<Attachment, AttachError> {
        let finished = self.orders.finish_attachment(self.ann, self.number, id);
        finished.await
    }

    async fn attached(&self) -> Vec<Attachment> {
        let reader = Reader::Customer(self.ann);
        let listed = self.orders.list_attachments(reader, self.number);
        listed.await.unwrap()
    }

    /// Nothing is attached, and once swept up, nothing is stored.
    async fn is_as_before(&self) {
        assert!(self.attached().await.is_empty());
        sweep_up(&self.platform, &self.orders).await;
        assert!(self.platform.stored_files().await.is_empty());
    }
}

#[tokio::test]
async fn a_file_that_arrived_and_is_what_it_claims_to_be_is_attached_once() {
    let case = Case::open().await;
    let id = case.start("C:\\box\0.png", "image/png").await;
    let early = case.finish(id).await;
    assert!(matches!(early, Err(AttachError::NotUploaded)), "{early:?}");
    case.put(id, "image/png", A_PNG).await;

    let attachment = case.finish(id).await.unwrap();

    assert_eq!(attachment.name.as_str(), "box.png");
    assert_eq!(attachment.media_type, MediaType::Png);
    assert_eq!(attachment.size, A_PNG.len() as u64);
    assert_eq!(case.finish(id).await.unwrap(), attachment);
    assert_eq!(case.attached().await, [attachment]);
    sweep_up(&case.platform, &case.orders).await;
    let stored = case.platform.stored_files().await;
    assert_eq!(stored, [file_key(id).unwrap()]);
}

#[tokio::test]
async fn a_file_put_in_the_place_of_one_that_was_looked_at_is_never_shown() {
    let case = Case::open().await;
    let id = case.start("box.png", "image/png").await;
    case.put(id, "image/png", A_PNG).await;
    case.finish(id).await.unwrap();

    case.put(id, "image/png", "<script>").await;
    case.finish(id).await.unwrap();

    let key = file_key(id).unwrap();
    let shown = case.platform.storage.get(&key, MAX_ATTACHMENT_BYTES).await;
    assert_eq!(shown.unwrap().unwrap().bytes, A_PNG);
}

#[tokio::test]
async fn a_file_that_lies_about_its_type_is_refused_and_deleted() {
    for (stated, file, refused) in [
        ("image/png", A_PDF, Some(MediaType::Pdf)),
        ("application/pdf", b"<!doctype html>", None),
        ("image/jpeg", b"", None),
    ] {
        let case = Case::open().await;
        let id = case.start("x", stated).await;
        case.put(id, stated, file).await;

        match (case.finish(id).await, refused) {
            (Err(AttachError::OtherType { actual, .. }), Some(known)) => assert_eq!(actual, known),
            (Err(AttachError::UnsupportedType), None) => {}
            (finished, _) => panic!("{stated}: {finished:?}"),
        }

        case.is_as_before().await;
        let again = case.finish(id).await;
        assert!(matches!(again, Err(AttachError::NotFound)), "{again:?}");
    }
}

#[tokio::test]
async fn a_type_that_is_not_taken_is_refused_before_anything_is_uploaded() {
    let case = Case::open().await;
    let (ann, number) = (case.ann, case.number);
    for content_type in ["text/html", "image/svg+xml", "image/png\0", ""] {
        let started = case
            .orders
            .start_attachment(ann, number, "x.png", content_type);
        let started = started.await;
        assert!(matches!(started, Err(AttachError::UnsupportedType)));
    }
    let posted = case.attach("x.png", b"<svg/>").await;
    assert!(matches!(posted, Err(AttachError::UnsupportedType)));
    let sweeps = case.platform.jobs_of::<SweepAttachment>().await;
    assert!(sweeps.is_empty(), "{sweeps:?}");
}

#[tokio::test]
async fn a_file_that_is_too_large_is_refused_and_deleted() {
    let case = Case::open().await;
    let mut large = A_PNG.to_vec();
    large.resize(usize::try_from(MAX_ATTACHMENT_BYTES).unwrap(), 0);
    let largest = Bytes::from(large.clone());
    large.push(0);
    let too_large = Bytes::from(large);

    let (ann, number) = (case.ann, case.number);
    let posted = case.orders.attach(ann, number, "x", too_large.clone());
    let posted = posted.await;
    assert!(matches!(posted, Err(AttachError::TooLarge)), "{posted:?}");
    let id = case.start("x", "image/png").await;
    case.put(id, "image/png", too_large).await;
    let finished = case.finish(id).await;
    assert!(matches!(finished, Err(AttachError::TooLarge)));
    case.is_as_before().await;

    case.orders.attach(ann, number, "x", largest).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn of_files_that_come_at_once_for_the_last_place_one_is_attached() {
    let case = Case::open().await;
    for _ in 1..MAX_ATTACHMENTS {
        case.attach("x.png", A_PNG).await.unwrap();
    }
    let mut uploads = Vec::new();
    for _ in 0..4 {
        let id = case.start("x.png", "image/png").await;
        case.put(id, "image/png", A_PNG).await;
        uploads.push(id);
    }
    let mut finishing = JoinSet::new();
    for id in uploads {
        let (orders, ann, number) = (case.orders.clone(), case.ann, case.number);
        finishing.spawn(async move { orders.finish_attachment(ann, number, id).await });
    }

    let (attached, refused): (Vec<_>, Vec<_>) = finishing
        .join_all()
        .await
        .into_iter()
        .partition(Result::is_ok);

    assert_eq!(attached.len(), 1);
    for refusal in refused {
        let Err(AttachError::Refused(AttachRefusal::Full)) = refusal else {
            panic!("{refusal:?}")
        };
    }
    let (ann, number) = (case.ann, case.number);
    let started = case.orders.start_attachment(ann, number, "x", "image/png");
    let eleventh = started.await;
    assert!(matches!(
        eleventh,
        Err(AttachError::Refused(AttachRefusal::Full))
    ));
    assert_eq!(case.attached().await.len() as u64, MAX_ATTACHMENTS);
}

#[tokio::test]
async fn an_order_that_was_cancelled_while_a_file_was_on_its_way_does_not_take_it() {
    let case = Case::open().await;
    let id = case.start("x.png", "image/png").await;
    case.put(id, "image/png", A_PNG).await;
    case.orders.cancel(case.ann, case.number).await.unwrap();

    for refused in [case.finish(id).await, case.attach("x.png", A_PNG).await] {
        let Err(AttachError::Refused(AttachRefusal::Cancelled)) = refused else {
            panic!("{refused:?}")
        };
    }
    case.is_as_before().await;
}

#[tokio::test]
async fn nobody_attaches_anything_to_somebody_elses_order() {
    let case = Case::open().await;
    let (orders, number) = (&case.orders, case.number);
    let bob = orders.a_user();
    let bobs = orders.a_placed_order(bob).await.number;
    let id = case.start("x.png", "image/png").await;
    case.put(id, "image/png", A_PNG).await;

    let started = orders.start_attachment(bob, number, "x.png", "image/png");
    let started = started.await.map(|_| ());
    let posted = orders.attach(bob, number, "x.png", Bytes::from_static(A_PNG));
    let posted = posted.await.map(|_| ());
    let finished = orders.finish_attachment(bob, number, id).await.map(|_| ());
    let through_own = orders.finish_attachment(bob, bobs, id).await.map(|_| ());

    for refused in [started, posted, finished, through_own] {
        assert!(matches!(refused, Err(AttachError::NotFound)), "{refused:?}");
    }
    assert!(case.attached().await.is_empty());
    case.finish(id).await.unwrap();
}

#[tokio::test]
async fn what_is_not_finished_within_an_hour_is_swept_away() {
    let case = Case::open().await;
    let id = case.start("x.png", "image/png").await;
    case.put(id, "image/png", A_PNG).await;
    case.platform.clock.advance(TimeDelta::hours(1));

    case.is_as_before().await;

    let finished = case.finish(id).await;
    assert!(matches!(finished, Err(AttachError::NotFound)));
}

/// The sweep runs between the look at the upload and the end of its storing.
#[tokio::test]
async fn a_file_whose_upload_was_swept_away_meanwhile_leaves_nothing() {
    let case = Case::open().await;
    let id = case.start("x.png", "image/png").await;
    let mut connection = case.platform.db.acquire().await.unwrap();
    let ann = Reader::Customer(case.ann);
    let found = db::attachments::find(&mut connection, ann, case.number, id).await;
    let Some(Entry::Awaited(upload)) = found.unwrap() else {
        panic!("an upload")
    };
    sweep_up(&case.platform, &case.orders).await;

    let file = Bytes::from_static(A_PNG);
    let stored = case.orders.store(case.ann, case.number, &upload, file);
    let stored = stored.await;

    assert!(matches!(stored, Err(AttachError::NotFound)), "{stored:?}");
    case.is_as_before().await;
}
