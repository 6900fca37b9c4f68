use chrono::TimeDelta;
use platform::testing::TestPlatform;

use super::*;
use crate::Avatar;
use crate::testing::start;

fn a_picture(width: u32, height: u32, format: ImageFormat) -> Bytes {
    let mut file = Cursor::new(Vec::new());
    DynamicImage::new_rgb8(width, height)
        .write_to(&mut file, format)
        .unwrap();
    file.into_inner().into()
}

/// A PNG that is nothing but a header, which claims 100,000 by 100,000 pixels.
fn a_bomb() -> Bytes {
    let mut file =
        b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR\0\x01\x86\xa0\0\x01\x86\xa0\x08\x06\0\0\0".to_vec();
    let checksum = crc32(&file[12..]);
    file.extend(checksum.to_be_bytes());
    file.extend(b"\0\0\0\0IDAT");
    file.extend(crc32(b"IDAT").to_be_bytes());
    file.into()
}

fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| {
            (crc >> 1) ^ (0xedb8_8320 * (crc & 1))
        })
    })
}

/// Uploads a file as a browser does, and lets the job look at it.
async fn upload(
    platform: &TestPlatform,
    users: &Users,
    user_id: UserId,
    content_type: &str,
    file: Bytes,
) -> (Uuid, Avatar) {
    // A later upload has a later id.
    platform.clock.advance(TimeDelta::seconds(1));
    let upload = users.start_avatar_upload(user_id, content_type).await;
    let avatar_id = upload.unwrap().id;
    let key = upload_key(avatar_id).unwrap();
    platform
        .storage
        .put(&key, content_type, file)
        .await
        .unwrap();
    users
        .finish_avatar_upload(user_id, avatar_id)
        .await
        .unwrap();
    run(platform, users, user_id, avatar_id).await;
    (avatar_id, avatar_of(users, user_id).await)
}

async fn run(platform: &TestPlatform, users: &Users, user_id: UserId, avatar_id: Uuid) {
    let handler = async |run, job| users.clone().make_thumbnails(run, job).await;
    let job = MakeThumbnails { user_id, avatar_id };
    platform.run_job(handler, job).await.unwrap();
}

async fn avatar_of(users: &Users, user_id: UserId) -> Avatar {
    let mut connection = users.db.acquire().await.unwrap();
    users.avatar_of(&mut connection, user_id).await.unwrap()
}

#[tokio::test]
async fn a_picture_becomes_two_squares_and_the_upload_is_deleted() {
    let (platform, users) = start().await;
    let ann = users.a_customer("ann").await;
    let file = a_picture(400, 300, ImageFormat::Png);
    let (id, avatar) = upload(&platform, &users, ann, "image/png", file).await;

    assert!(matches!(avatar, Avatar::Ready { .. }), "{avatar:?}");
    let keys = [LARGE, SMALL].map(|edge| picture_key(id, edge).unwrap());
    assert_eq!(platform.stored_files().await, keys);
    for (key, edge) in keys.iter().zip([LARGE, SMALL]) {
        let stored = platform.storage.get(key, MAX_AVATAR_BYTES).await.unwrap();
        let stored = stored.unwrap();
        assert_eq!(stored.content_type, "image/webp");
        let picture = image::load_from_memory(&stored.bytes).unwrap();
        assert_eq!((picture.width(), picture.height()), (edge, edge));
    }
}

#[tokio::test]
async fn a_new_picture_replaces_the_old_one_and_its_files() {
    let (platform, users) = start().await;
    let ann = users.a_customer("ann").await;
    let png = a_picture(30, 40, ImageFormat::Png);
    let (old, _) = upload(&platform, &users, ann, "image/png", png).await;
    let jpeg = a_picture(40, 30, ImageFormat::Jpeg);
    let (new, avatar) = upload(&platform, &users, ann, "image/jpeg", jpeg).await;

    assert!(matches!(avatar, Avatar::Ready { .. }), "{avatar:?}");
    let keys = [LARGE, SMALL].map(|edge| picture_key(new, edge).unwrap());
    assert_eq!(platform.stored_files().await, keys);
    let mut connection = platform.db.acquire().await.unwrap();
    let found = db::avatars::find(&mut connection, ann, old).await.unwrap();
    assert!(found.is_none(), "{found:?}");
}

#[tokio::test]
async fn of_two_uploads_the_newer_one_stays_whichever_is_finished_last() {
    let (platform, users) = start().await;
    let ann = users.a_customer("ann").await;
    let png = a_picture(30, 40, ImageFormat::Png);
    users.upload_avatar(ann, png.clone()).await.unwrap();
    let slow = platform.jobs_of::<MakeThumbnails>().await[0].avatar_id;
    let (new, _) = upload(&platform, &users, ann, "image/png", png).await;
    run(&platform, &users, ann, slow).await;

    assert!(matches!(avatar_of(&users, ann).await, Avatar::Ready { .. }));
    let keys = [LARGE, SMALL].map(|edge| picture_key(new, edge).unwrap());
    assert_eq!(platform.stored_files().await, keys);
}

#[tokio::test]
async fn a_file_that_is_not_what_it_was_sent_as_is_refused_in_words_and_deleted() {
    let (platform, users) = start().await;
    let ann = users.a_customer("ann").await;
    let png = a_picture(50, 50, ImageFormat::Png);
    for (file, refusal) in [
        (Bytes::from_static(b"just some text"), Refusal::NotAPicture),
        (
            a_picture(50, 50, ImageFormat::Jpeg),
            Refusal::OtherType {
                stated: "image/png".to_owned(),
                actual: "image/jpeg",
            },
        ),
        (png.slice(..png.len() / 2), Refusal::Damaged),
        (a_bomb(), Refusal::TooManyPixels),
    ] {
        let (_, avatar) = upload(&platform, &users, ann, "image/png", file).await;
        assert_eq!(avatar, Avatar::Rejected(refusal.to_string()));
        assert!(platform.stored_files().await.is_empty(), "{refusal}");
    }
}

#[test]
fn a_strip_becomes_a_square_without_growing_first() {
    let strip = a_picture(60_000, 1, ImageFormat::Png);
    let square = read(&strip, "image/png").unwrap();
    assert_eq!((square.width(), square.height()), (LARGE, LARGE));
}
