//! A disk whose syncs of a segment wait until the test lets them go or makes them fail.

use journal::{Access, Disk, DiskFile, LockKind};
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::sync::{Mutex, mpsc};

pub(crate) struct GatedDisk {
    inner: Arc<dyn Disk>,
    gate: Arc<Gate>,
}

/// The test's hand on the gate.
pub(crate) struct Keeper {
    gate: Arc<Gate>,
    waiting: mpsc::UnboundedReceiver<()>,
    go: mpsc::UnboundedSender<bool>,
}

struct Gate {
    shut: AtomicBool,
    writes_fail: AtomicBool,
    waiting: mpsc::UnboundedSender<()>,
    go: Mutex<mpsc::UnboundedReceiver<bool>>,
}

/// The disk, its gate open at first, and the hand on the gate.
pub(crate) fn gated(inner: Arc<dyn Disk>) -> (Arc<dyn Disk>, Keeper) {
    let (waiting, waiting_out) = mpsc::unbounded_channel();
    let (go, go_out) = mpsc::unbounded_channel();
    let (shut, writes_fail) = (AtomicBool::new(false), AtomicBool::new(false));
    let gate = Arc::new(Gate { shut, writes_fail, waiting, go: Mutex::new(go_out) });
    let disk = Arc::new(GatedDisk { inner, gate: Arc::clone(&gate) });
    (disk, Keeper { gate, waiting: waiting_out, go })
}

impl Keeper {
    /// From now on syncs wait.
    pub(crate) fn shut(&self) {
        self.gate.shut.store(true, Ordering::SeqCst);
    }

    /// Returns when a sync waits.
    pub(crate) async fn sync_waits(&mut self) {
        self.waiting.recv().await.unwrap();
    }

    /// Lets the sync that waits, or else the next, go on.
    pub(crate) fn let_one_go(&self) {
        self.go.send(true).unwrap();
    }

    /// Makes the sync that waits, or else the next, fail.
    pub(crate) fn fail_one(&self) {
        self.go.send(false).unwrap();
    }

    /// From now on writes fail.
    pub(crate) fn fail_writes(&self) {
        self.gate.writes_fail.store(true, Ordering::SeqCst);
    }

    /// From now on no sync waits.
    pub(crate) fn open(&self) {
        self.gate.shut.store(false, Ordering::SeqCst);
        self.let_one_go();
    }
}

impl Disk for GatedDisk {
    fn location(&self) -> String {
        self.inner.location()
    }

    fn list(&self) -> io::Result<Vec<String>> {
        self.inner.list()
    }

    fn create(&self, name: &str) -> io::Result<Box<dyn DiskFile>> {
        self.inner.create(name)
    }

    fn open(&self, name: &str, access: Access) -> io::Result<Box<dyn DiskFile>> {
        Ok(Box::new(GatedFile { inner: self.inner.open(name, access)?, gate: Arc::clone(&self.gate) }))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        self.inner.rename(from, to)
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        self.inner.remove(name)
    }

    fn sync_directory(&self) -> io::Result<()> {
        self.inner.sync_directory()
    }
}

/// A file that was opened by its name, as the segment is that a journal goes on with.
struct GatedFile {
    inner: Box<dyn DiskFile>,
    gate: Arc<Gate>,
}

impl DiskFile for GatedFile {
    fn length(&self) -> io::Result<u64> {
        self.inner.length()
    }

    fn read_at(&self, offset: u64, bytes: &mut [u8]) -> io::Result<()> {
        self.inner.read_at(offset, bytes)
    }

    fn write_at(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        if self.gate.writes_fail.load(Ordering::SeqCst) {
            return Err(io::Error::other("the test wants it so"));
        }
        self.inner.write_at(offset, bytes)
    }

    fn sync(&self) -> io::Result<()> {
        if self.gate.shut.load(Ordering::SeqCst) {
            self.gate.waiting.send(()).map_err(io::Error::other)?;
            if self.gate.go.blocking_lock().blocking_recv() != Some(true) {
                return Err(io::Error::other("the test wants it so"));
            }
        }
        self.inner.sync()
    }

    fn try_lock(&self, kind: LockKind) -> io::Result<bool> {
        self.inner.try_lock(kind)
    }
}
