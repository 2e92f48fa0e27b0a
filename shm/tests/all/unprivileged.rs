//! Everything works for a user without privileges, to whom modes 0400 and 0500 are not only advice, and nothing for another
//! one.

use std::fs;
use std::io::ErrorKind;
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::Path;
use std::process::Command;

use crate::common::{Image, Peer, Unprivileged, at, by_id, child_command, child_role, say, with_variables};
use dcc_mcp_shm::{
    ArraySpec, BufferOptions, BufferPool, BufferState, Error, Layout, SceneWriter, SharedBuffer, SharedSceneBuffer,
    Store, StoreOptions,
};
use serde_json::Value;

/// Runs a role as a user without privileges, whoever runs the tests.
fn run(role: &str) {
    let user = Unprivileged::new();
    let mut peer = user.start(role, &user.store().display().to_string());
    assert_eq!(
        peer.next().as_deref(),
        Some("done"),
        "{role}: see above for what the child said"
    );
    peer.end();
}

fn layout() -> Layout {
    Layout::new([("a", ArraySpec::new("u1".parse().unwrap(), [4]))]).unwrap()
}

#[test]
#[ignore = "run by other tests as their child process"]
fn child() {
    let (role, path) = child_role();
    if role == "make everything" {
        return make_everything(path.as_ref());
    }
    assert!(!rustix::process::geteuid().is_root(), "run without privileges");
    if role == "intrude" {
        return intrude(path.as_ref());
    }
    let store = Store::open(&StoreOptions::at(path)).unwrap();
    let options = BufferOptions::default();
    match role.as_str() {
        "everything" => {
            let buffer = SharedBuffer::create(&store, 10, &options.clone().name("b")).unwrap();
            buffer.write(b"x").unwrap();
            let scene = SharedSceneBuffer::write(&store, b"scene", &options.clone().compress(true)).unwrap();
            let writer = SceneWriter::new(&store, layout(), options.clone()).unwrap();
            writer.finish().unwrap();
            let pool = BufferPool::create(&store, 2, 10, &options).unwrap();
            drop(pool.acquire().unwrap());
            let id = scene.id();
            drop(scene);
            let scene = SharedSceneBuffer::open(&store, &by_id(id)).unwrap();
            assert_eq!(
                (scene.read().unwrap(), &scene.view().unwrap()[..]),
                (b"scene".to_vec(), &b"scene"[..])
            );
            let listing = store.list().unwrap();
            assert_eq!(
                (listing.buffers.len(), listing.pools.len(), listing.damaged.len()),
                (3, 1, 0)
            );
            assert_eq!(store.gc(false).unwrap().removed.len(), 0);
            for buffer in listing.buffers {
                store.delete(&by_id(buffer.id)).unwrap();
            }
        }
        "sealed" => {
            let scene = SharedSceneBuffer::write(&store, b"scene", &options).unwrap();
            assert!(fs::OpenOptions::new().write(true).open(scene.path()).is_err());
            let opened = SharedBuffer::open(&store, &by_id(scene.id())).map(drop);
            assert!(matches!(opened, Err(Error::WrongRole { .. })), "{opened:?}");
            let opened = BufferPool::open(&store, &by_id(scene.id())).map(drop);
            assert!(matches!(opened, Err(Error::WrongRole { .. })), "{opened:?}");
        }
        "killed while sealing" => {
            let scene = SharedSceneBuffer::create_empty(&store, &layout(), &options).unwrap();
            let writer = SceneWriter::fill(&store, &by_id(scene.id())).unwrap();
            drop(writer);
            // What SIGKILL leaves between the two changes of mode in `seal`.
            let mut image = Image::of(&scene.path());
            image.put(at::STATE, &2u64.to_le_bytes());
            fs::write(scene.path(), &image.0).unwrap();
            fs::set_permissions(scene.path(), fs::Permissions::from_mode(0o500)).unwrap();
            assert_eq!(scene.state().unwrap(), BufferState::Empty);
            let writer = SceneWriter::fill(&store, &by_id(scene.id())).unwrap();
            writer.memory().copy_in(0, b"data").unwrap();
            assert_eq!(writer.finish().unwrap().read().unwrap(), b"data");
        }
        "killed while sealing beside another filler" => {
            let scene = SharedSceneBuffer::create_empty(&store, &layout(), &options).unwrap();
            // It opened the file before the one that was killed began to seal.
            let writer = SceneWriter::fill(&store, &by_id(scene.id())).unwrap();
            fs::set_permissions(scene.path(), fs::Permissions::from_mode(0o500)).unwrap();
            let filled = SceneWriter::fill(&store, &by_id(scene.id())).map(drop);
            assert!(matches!(filled, Err(Error::Busy { .. })), "{filled:?}");
            let mode = fs::metadata(scene.path()).unwrap().permissions().mode() & 0o777;
            assert_eq!(mode, 0o500, "what may be sealed any moment is not made writable");
            writer.memory().copy_in(0, b"data").unwrap();
            assert_eq!(writer.finish().unwrap().read().unwrap(), b"data");
        }
        "file of another user" => {
            let buffer = SharedBuffer::create(&store, 10, &options).unwrap();
            say(&buffer.descriptor().unwrap().to_json());
            // The parent gives it to another user meanwhile, as it was and readable by all.
            crate::common::hear();
            for result in [
                SharedBuffer::open(&store, &by_id(buffer.id())).map(drop),
                store.describe(&by_id(buffer.id())).map(drop),
                store.reader(&by_id(buffer.id())).map(drop),
            ] {
                assert!(
                    matches!(result, Err(Error::Damaged { .. } | Error::Io { .. })),
                    "{result:?}"
                );
            }
            assert_eq!(store.list().unwrap().damaged.len(), 1);
            store.gc(false).unwrap();
        }
        "race" => crate::common::race_of_fillers(&store),
        other => panic!("no role {other}"),
    }
    say("done");
}

#[test]
fn all_that_users_do_works() {
    run("everything");
}

#[test]
fn who_fills_a_half_sealed_scene_is_not_disturbed() {
    run("killed while sealing beside another filler");
}

#[test]
fn a_sealed_scene_is_called_what_it_is() {
    run("sealed");
}

#[test]
fn a_scene_whose_filler_was_killed_while_it_sealed_can_be_filled() {
    run("killed while sealing");
}

#[test]
fn fillers_that_race_give_one_scene_or_a_typed_error() {
    run("race");
}

/// One file of each kind, and then nothing more until the parent has looked.
fn make_everything(path: &Path) {
    let store = Store::open(&StoreOptions::at(path)).unwrap();
    store.set_quota(Some(1 << 30)).unwrap();
    let options = BufferOptions::default().name("buffer");
    let buffer = SharedBuffer::create(&store, 10, &options).unwrap();
    let scene = SharedSceneBuffer::write(&store, b"scene", &BufferOptions::default()).unwrap();
    let empty = SharedSceneBuffer::create_empty(&store, &layout(), &BufferOptions::default()).unwrap();
    let large = Layout::new([("a", ArraySpec::new("u1".parse().unwrap(), [5 << 20]))]).unwrap();
    let draft = SceneWriter::new(&store, large, BufferOptions::default()).unwrap();
    let pool = BufferPool::create(&store, 2, 10, &BufferOptions::default()).unwrap();
    say(&buffer.descriptor().unwrap().to_json());
    crate::common::hear();
    drop((scene, empty, draft, pool));
}

/// Starts [`make_everything`] where the system takes no permission away, and gives its process and a descriptor.
fn with_umask_0(store: &Path) -> (Peer, String) {
    let plain = child_command("make everything", &store.display().to_string());
    let mut command = Command::new("sh");
    let args = ["-c", "umask 0 && exec \"$0\" \"$@\""];
    command.args(args).arg(plain.get_program()).args(plain.get_args());
    let mut peer = Peer::of(with_variables(&mut command, &plain));
    let descriptor = peer.hears();
    (peer, descriptor)
}

/// Tries to get at the store of another user, of whom it knows a descriptor.
fn intrude(path: &Path) {
    let json = crate::common::hear();
    for result in [
        Store::open(&StoreOptions::at(path)).map(drop),
        Store::open(&StoreOptions::at(path).existing()).map(drop),
        SharedBuffer::from_descriptor(&json).map(drop),
        SharedSceneBuffer::from_descriptor(&json).map(drop),
    ] {
        assert!(matches!(result, Err(Error::UnsafeStore { .. })), "{result:?}");
        let said = result.unwrap_err().to_string();
        assert!(said.contains("it belongs to user 0, not to 65534"), "{said}");
    }
    let refused = |result: std::io::Result<()>| result.is_err_and(|error| error.kind() == ErrorKind::PermissionDenied);
    let file: Value = serde_json::from_str(&json).unwrap();
    let file = Path::new(file["path"].as_str().unwrap());
    assert!(refused(fs::read_dir(path).map(drop)), "list");
    assert!(refused(fs::read(file).map(drop)), "open");
    assert!(refused(fs::write(path.join("planted"), b"x")), "fill");
    assert!(refused(fs::remove_file(file)), "delete");
    assert!(refused(fs::rename(path, path.with_file_name("taken"))), "move");
    say("refused");
}

#[test]
fn nobody_else_can_list_open_or_fill_a_store_also_of_one_without_a_umask() {
    let parent = tempfile::Builder::new().tempdir_in("/dev/shm").unwrap();
    // As open as /dev/shm is.
    fs::set_permissions(parent.path(), fs::Permissions::from_mode(0o1777)).unwrap();
    let store = parent.path().join("store");
    let (maker, descriptor) = with_umask_0(&store);
    let open = |path: &Path| fs::symlink_metadata(path).unwrap().permissions().mode() & 0o077;
    assert_eq!(open(&store), 0);
    let mut files = 0;
    for entry in fs::read_dir(&store).unwrap() {
        let path = entry.unwrap().path();
        if !path.is_symlink() {
            assert_eq!(open(&path), 0, "{}", path.display());
            files += 1;
        }
    }
    assert_eq!(
        files, 10,
        "buffer, scene, empty scene, draft, pool, two slots, lock, quota and record"
    );
    if rustix::process::geteuid().is_root() {
        let user = Unprivileged::new();
        let mut intruder = user.start("intrude", &store.display().to_string());
        intruder.tell(&descriptor);
        intruder.expect("refused");
        crate::common::print("another user was refused everything");
    } else {
        crate::common::print(
            "without root there is no other user to be: only the modes were looked at, which refuse everybody else",
        );
    }
    maker.end();
}

/// What is put where a store is to be, and how.
type Plant = (&'static str, fn(&Path));

#[test]
fn what_another_user_planted_is_refused() {
    let parent = tempfile::Builder::new().tempdir_in("/dev/shm").unwrap();
    let path = parent.path().join("store");
    if !rustix::process::geteuid().is_root() {
        // The same refusals, for a directory that is ours and that others may write to, and a file that is no directory.
        fs::create_dir(&path).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o777)).unwrap();
        assert!(matches!(
            Store::open(&StoreOptions::at(&path)),
            Err(Error::UnsafeStore { .. })
        ));
        fs::remove_dir(&path).unwrap();
        fs::write(&path, "").unwrap();
        assert!(matches!(
            Store::open(&StoreOptions::at(&path)),
            Err(Error::UnsafeStore { .. })
        ));
        crate::common::print(
            "without root nothing can be another user's: directories open to others and files were refused",
        );
        return;
    }
    let plant = |path: &Path| std::os::unix::fs::lchown(path, Some(Unprivileged::NOBODY), None).unwrap();
    let cases: [Plant; 3] = [
        ("directory", |path| {
            fs::create_dir(path).unwrap();
            fs::set_permissions(path, fs::Permissions::from_mode(0o700)).unwrap();
        }),
        ("file", |path| fs::write(path, "").unwrap()),
        ("link", |path| std::os::unix::fs::symlink("/root", path).unwrap()),
    ];
    for (what, make) in cases {
        make(&path);
        plant(&path);
        let opened = Store::open(&StoreOptions::at(&path));
        assert!(matches!(opened, Err(Error::UnsafeStore { .. })), "{what}: {opened:?}");
        let _ = (fs::remove_file(&path), fs::remove_dir(&path));
    }
    let user = Unprivileged::new();
    let mut peer = user.start("file of another user", &user.store().display().to_string());
    let descriptor: Value = serde_json::from_str(&peer.hears()).unwrap();
    let file = Path::new(descriptor["path"].as_str().unwrap());
    fs::set_permissions(file, fs::Permissions::from_mode(0o666)).unwrap();
    chown(file, Some(0), None).unwrap();
    peer.tell("planted");
    peer.expect("done");
    assert!(file.exists(), "left alone");
}
