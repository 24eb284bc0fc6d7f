//! What a server holds: instances, gateways and blobs, and when it was last used.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use pocket_ic::common::rest::{HttpGatewayDetails, InstanceId};
use tokio::task::JoinHandle;

use super::instance::Instance;

/// A listening gateway.
pub struct Gateway {
    /// What it was asked to be, and its port.
    pub details: HttpGatewayDetails,
    /// The task that serves it.
    pub task: JoinHandle<()>,
}

#[derive(Default)]
struct Tables {
    /// Deleted instances leave their place: ids are not used again.
    instances: Vec<Option<Arc<Instance>>>,
    gateways: BTreeMap<InstanceId, Gateway>,
    next_gateway: InstanceId,
    blobs: BTreeMap<[u8; 32], Blob>,
}

/// A stored blob: the bytes and whether they are gzipped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Blob {
    /// As they were sent.
    pub bytes: Arc<Vec<u8>>,
    /// Whether `bytes` are gzip.
    pub gzip: bool,
}

/// The state of a server, shared by all its requests.
pub struct Server {
    tables: Mutex<Tables>,
    last_use: Mutex<Instant>,
    pending: AtomicU64,
    /// Whether every request is to be logged.
    pub log_requests: bool,
}

impl Server {
    /// An empty server.
    pub fn new(log_requests: bool) -> Arc<Self> {
        Arc::new(Self {
            tables: Mutex::default(),
            last_use: Mutex::new(Instant::now()),
            pending: AtomicU64::new(0),
            log_requests,
        })
    }

    /// Adds an instance and returns its id.
    pub fn add_instance(&self, instance: Arc<Instance>) -> InstanceId {
        let mut tables = self.tables();
        tables.instances.push(Some(instance));
        tables.instances.len() - 1
    }

    /// An instance that has not been deleted.
    pub fn instance(&self, id: InstanceId) -> Option<Arc<Instance>> {
        self.tables().instances.get(id)?.clone()
    }

    /// One word for each instance there has ever been, by id.
    pub fn describe_instances(&self) -> Vec<String> {
        let describe = |instance: &Option<Arc<Instance>>| match instance {
            Some(_) => "Available".to_string(),
            None => "Deleted".to_string(),
        };
        self.tables().instances.iter().map(describe).collect()
    }

    /// Forgets an instance and stops all that served it; `false`: there was none.
    pub fn delete_instance(&self, id: InstanceId) -> bool {
        let mut tables = self.tables();
        let Some(instance) = tables.instances.get_mut(id).and_then(Option::take) else {
            return false;
        };
        instance.stop_progress();
        let served: Vec<InstanceId> = tables
            .gateways
            .iter()
            .filter(|(_, gateway)| gateway.serves(id))
            .map(|(id, _)| *id)
            .collect();
        for gateway in served.iter().filter_map(|id| tables.gateways.remove(id)) {
            gateway.task.abort();
        }
        true
    }

    /// Forgets everything.
    pub fn delete_all(&self) {
        let count = self.tables().instances.len();
        (0..count).for_each(|id| {
            self.delete_instance(id);
        });
    }

    /// Adds a gateway under an id that only gateways use.
    pub fn add_gateway(&self, gateway: Gateway) -> InstanceId {
        let mut tables = self.tables();
        let id = tables.next_gateway;
        tables.next_gateway += 1;
        tables.gateways.insert(id, gateway);
        id
    }

    /// The gateways, by id.
    pub fn gateways(&self) -> Vec<HttpGatewayDetails> {
        let mut all: Vec<_> = Vec::new();
        for (id, gateway) in &self.tables().gateways {
            all.push(HttpGatewayDetails {
                instance_id: *id,
                ..gateway.details.clone()
            });
        }
        all
    }

    /// Stops a gateway; `false`: there was none.
    pub fn stop_gateway(&self, id: InstanceId) -> bool {
        let gateway = self.tables().gateways.remove(&id);
        gateway.inspect(|gateway| gateway.task.abort()).is_some()
    }

    /// Keeps a blob under its key.
    pub fn add_blob(&self, key: [u8; 32], blob: Blob) {
        self.tables().blobs.insert(key, blob);
    }

    /// A blob.
    pub fn blob(&self, key: &[u8]) -> Option<Blob> {
        let key: [u8; 32] = key.try_into().ok()?;
        self.tables().blobs.get(&key).cloned()
    }

    /// Notes that a request has begun; it counts until what is returned is dropped.
    pub fn begin_request(self: &Arc<Self>) -> PendingRequest {
        self.pending.fetch_add(1, Ordering::Relaxed);
        PendingRequest(self.clone())
    }

    /// How long no request has been served, in seconds; 0 while one is.
    pub fn idle_seconds(&self) -> u64 {
        if self.pending.load(Ordering::Relaxed) > 0 {
            return 0;
        }
        self.last_use
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .elapsed()
            .as_secs()
    }

    fn tables(&self) -> MutexGuard<'_, Tables> {
        self.tables.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A request being served.
pub struct PendingRequest(Arc<Server>);

impl Drop for PendingRequest {
    fn drop(&mut self) {
        *self.0.last_use.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
        self.0.pending.fetch_sub(1, Ordering::Relaxed);
    }
}
