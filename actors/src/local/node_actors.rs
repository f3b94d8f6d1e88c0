//! The addresses of the actors of a node.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use actix::prelude::*;

use crate::alerting::alert_actor::AlertActor;
use crate::execution::db_actor::DbActor;
use crate::execution::dependency_actor::DependencyActor;
use crate::execution::dispatch_actor::DispatchActor;
use crate::execution::limit_actor::LimitActor;
use crate::membership::registry_actor::RegistryActor;
use crate::messages::StartDrain;
use crate::ownership::balance_actor::BalanceActor;
use crate::ownership::failover_actor::FailoverActor;
use crate::ownership::master_actor::MasterActor;
use crate::scheduling::admission_actor::AdmissionActor;
use crate::scheduling::backfill_actor::BackfillActor;
use crate::scheduling::schedule_actor::ScheduleActor;
use crate::worker::WorkerHandle;

/// The actors of a master.
#[derive(Clone)]
pub(crate) struct MasterActors {
    /// The supervisor of instances.
    pub(crate) supervisor: Addr<MasterActor>,
    /// The way to workers.
    pub(crate) dispatch: Addr<DispatchActor>,
    /// Looks at the queues of limits.
    pub(crate) limits: Addr<LimitActor>,
    /// Takes over.
    pub(crate) failover: Addr<FailoverActor>,
    /// Set while this master accepts no instances, because another one reaches the workers.
    pub(crate) not_accepting: Arc<AtomicBool>,
    /// Hands instances to others; absent where that is switched off or there are none.
    pub(crate) balance: Option<Addr<BalanceActor>>,
    /// Fires schedules.
    pub(crate) schedules: Addr<ScheduleActor>,
    /// Starts the dates of backfills.
    pub(crate) backfill: Addr<BackfillActor>,
    /// Wakes dependent tasks.
    pub(crate) dependencies: Addr<DependencyActor>,
    /// Admits instances that wait for a place.
    pub(crate) admission: Addr<AdmissionActor>,
    /// Makes alerts and delivers them; absent where nothing sends.
    pub(crate) alerts: Option<Addr<AlertActor>>,
}

impl MasterActors {
    /// Makes the actors accept nothing new.
    pub(crate) fn start_drain(&self) {
        self.supervisor.do_send(StartDrain);
        self.failover.do_send(StartDrain);
        self.schedules.do_send(StartDrain);
        self.backfill.do_send(StartDrain);
        self.admission.do_send(StartDrain);
        if let Some(balance) = &self.balance {
            balance.do_send(StartDrain);
        }
        if let Some(alerts) = &self.alerts {
            alerts.do_send(StartDrain);
        }
    }
}

/// The actors of a node.
pub(crate) struct NodeActors {
    /// The writer.
    pub(crate) db: Addr<DbActor>,
    /// Watches the members.
    pub(crate) registry: Addr<RegistryActor>,
    /// The master of this node.
    pub(crate) masters: Option<MasterActors>,
    /// The worker of this node.
    pub(crate) worker: Option<WorkerHandle>,
}
