//! The job queue.

use std::collections::BTreeSet;
use std::time::Duration;

use lockstep_core::env::{Env, Time};
use lockstep_core::ids::{SubscriptionId, SyncId};
use lockstep_core::job::Job;
use lockstep_store::{Claimed, Share, Store, StoreError};

use crate::world::{World, finish};

fn enqueue(world: &World, job: &Job, due: Time) {
    let job = job.clone();
    world.write(move |tx, _| tx.enqueue(&job, due));
}

fn claim(world: &World, limit: usize) -> Vec<Claimed> {
    world.write(move |tx, _| tx.claim("test", Share::All, limit))
}

fn seconds(n: u64) -> Duration {
    Duration::from_secs(n)
}

pub fn a_waiting_job_is_one_job_and_the_earlier_due_wins(world: &World) {
    let now = world.env.now();
    enqueue(world, &Job::Purge, now.plus(seconds(60)));
    enqueue(world, &Job::Purge, now.plus(seconds(10)));
    enqueue(world, &Job::Purge, now.plus(seconds(90)));
    let (due, counts) = world.read(|tx, _| Ok((tx.next_due(Share::All)?, tx.queue_counts()?)));
    assert_eq!((due, counts.waiting, counts.due), (Some(now.plus(seconds(10))), 1, 0));
    let mut ready = world.store.jobs_ready();
    ready.mark_unchanged();
    enqueue(world, &Job::Purge, now.plus(seconds(10)));
    assert!(!ready.has_changed().unwrap(), "nothing that the worker does not know");
    enqueue(world, &Job::Purge, now.plus(seconds(9)));
    assert!(ready.has_changed().unwrap());
    assert!(claim(world, 9).is_empty());
    world.dial.advance(seconds(10));
    assert_eq!(claim(world, 9).len(), 1);
}

pub fn a_lane_runs_one_job_at_a_time(world: &World) {
    let (one, two) = (SyncId::new(&world.env), SyncId::new(&world.env));
    let now = world.env.now();
    for job in [Job::Push { sync: one.clone() }, Job::Pull { sync: one.clone() }, Job::Push { sync: two }] {
        enqueue(world, &job, now);
    }
    let first = claim(world, 9);
    assert_eq!(first.len(), 2);
    assert!(claim(world, 9).is_empty());
    assert_eq!(world.read(|tx, _| tx.next_due(Share::All)), None, "what waits for a lane is not due");
    let done = first.into_iter().find(|claimed| claimed.job.lane() == Job::Push { sync: one.clone() }.lane()).unwrap();
    let fence = done.fence;
    assert!(world.write(move |tx, _| tx.finish(&done)));
    let next = claim(world, 9);
    assert_eq!(next.len(), 1);
    assert_eq!((next[0].fence, next[0].attempt), (fence + 1, 1));
}

pub fn a_running_job_does_not_count_as_waiting(world: &World) {
    let job = Job::Push { sync: SyncId::new(&world.env) };
    let now = world.env.now();
    enqueue(world, &job, now);
    let running = claim(world, 1).remove(0);
    enqueue(world, &job, now);
    let counts = world.read(|tx, _| tx.queue_counts());
    assert_eq!((counts.waiting, counts.running), (1, 1));
    let running_again = running.clone();
    assert!(world.write(move |tx, _| tx.finish(&running)));
    assert!(!world.write(move |tx, _| tx.finish(&running_again)));
    assert_eq!(claim(world, 9).len(), 1);
}

pub fn a_snooze_is_not_cut_short_but_can_be_ended(world: &World) {
    let job = Job::Push { sync: SyncId::new(&world.env) };
    let now = world.env.now();
    enqueue(world, &job, now);
    let running = claim(world, 1).remove(0);
    enqueue(world, &job, now);
    let until = now.plus(seconds(60));
    assert!(world.write(move |tx, _| tx.snooze(&running, until, true)));
    let ready = world.store.jobs_ready();
    enqueue(world, &job, now);
    assert!(!ready.has_changed().unwrap(), "it rests");
    assert_eq!(world.read(|tx, _| Ok((tx.next_due(Share::All)?, tx.queue_counts()?.waiting))), (Some(until), 1));
    world.dial.set(until);
    let second = claim(world, 1).remove(0);
    assert_eq!(second.attempt, 2);
    let far = until.plus(seconds(600));
    assert!(world.write(move |tx, _| tx.snooze(&second, far, false)));
    let hurried = job.clone();
    world.write(move |tx, _| tx.hurry(&hurried));
    assert_eq!(claim(world, 1).remove(0).attempt, 1);
}

pub fn a_lost_lease_loses_the_claim(world: &World) {
    let job = Job::Push { sync: SyncId::new(&world.env) };
    enqueue(world, &job, world.env.now());
    let slow = claim(world, 1).remove(0);
    world.dial.advance(seconds(40));
    let (renewing, until) = (slow.clone(), world.env.now().plus(seconds(60)));
    assert_eq!(world.write(move |tx, _| tx.renew(&renewing)), Some(until));
    world.dial.advance(seconds(59));
    assert_eq!(world.write(|tx, _| tx.reclaim_expired()), 0);
    enqueue(world, &job, world.env.now());
    world.dial.advance(seconds(2));
    assert_eq!(world.write(|tx, _| tx.reclaim_expired()), 1);
    let quick = claim(world, 9).remove(0);
    assert!(quick.fence > slow.fence);
    assert_eq!(quick.attempt, 2);
    let late = slow.clone();
    assert_eq!(world.write(move |tx, _| Ok((tx.finish(&late)?, tx.renew(&late)?))), (false, None));
    let due = world.env.now();
    assert!(!world.write(move |tx, _| tx.snooze(&slow, due, true)));
    assert!(world.write(move |tx, _| tx.finish(&quick)));
    enqueue(world, &job, world.env.now());
    claim(world, 1);
    assert_eq!(world.write(|tx, _| tx.reclaim_all()), 1);
    assert_eq!(claim(world, 9).len(), 1);
}

pub fn claims_come_in_order_of_due(world: &World) {
    let now = world.env.now();
    let jobs: Vec<Job> = (0..5).map(|_| Job::Deliver { subscription: SubscriptionId::new(&world.env) }).collect();
    for (n, job) in (0..).zip(&jobs) {
        enqueue(world, job, now.plus(seconds(10 - n)));
    }
    world.dial.advance(seconds(60));
    let claimed: Vec<Job> = claim(world, 3).into_iter().map(|claimed| claimed.job).collect();
    assert_eq!(claimed, [jobs[4].clone(), jobs[3].clone(), jobs[2].clone()]);
    assert_eq!(claim(world, 9).len(), 2);
}

pub fn a_worker_of_syncs_leaves_other_jobs_alone(world: &World) {
    let (now, push) = (world.env.now(), Job::Push { sync: world.sync().id().clone() });
    enqueue(world, &Job::Deliver { subscription: SubscriptionId::new(&world.env) }, now);
    enqueue(world, &Job::Purge, now);
    let due = |share| world.read(move |tx, _| tx.next_due(share));
    assert_eq!((due(Share::All), due(Share::Syncs)), (Some(now), None));
    enqueue(world, &push, now);
    assert_eq!(due(Share::Syncs), Some(now));
    let claimed = world.write(|tx, _| tx.claim("test", Share::Syncs, 9));
    assert_eq!(claimed.into_iter().map(|claimed| claimed.job).collect::<Vec<_>>(), [push]);
    assert_eq!(claim(world, 9).len(), 2);
}

pub fn deliveries_are_claimed_apart_from_other_jobs(world: &World) {
    let now = world.env.now();
    let deliver = Job::Deliver { subscription: SubscriptionId::new(&world.env) };
    enqueue(world, &deliver, now);
    let due = |share| world.read(move |tx, _| tx.next_due(share));
    assert_eq!((due(Share::ButDeliveries), due(Share::Deliveries)), (None, Some(now)));
    enqueue(world, &Job::Purge, now);
    let jobs = |share| {
        let claimed = world.write(move |tx, _| tx.claim("test", share, 9));
        claimed.into_iter().map(|claimed| claimed.job).collect::<Vec<_>>()
    };
    assert_eq!(jobs(Share::ButDeliveries), [Job::Purge]);
    assert_eq!(jobs(Share::Deliveries), [deliver]);
}

pub fn two_workers_never_share_a_job_or_a_lane(world: &World) {
    let now = world.env.now();
    let syncs: Vec<SyncId> = (0..5).map(|_| SyncId::new(&world.env)).collect();
    for sync in &syncs {
        enqueue(world, &Job::Push { sync: sync.clone() }, now);
        enqueue(world, &Job::Pull { sync: sync.clone() }, now);
    }
    for _ in 0..20 {
        enqueue(world, &Job::Deliver { subscription: SubscriptionId::new(&world.env) }, now);
    }
    let workers: Vec<_> = (0..4)
        .map(|n| {
            let (target, env) = (world.target.clone(), Env::manual(now, n).0);
            std::thread::spawn(move || {
                let store = Store::open_inline(&target, env).unwrap();
                let mut claimed: Vec<Claimed> = Vec::new();
                for _ in 0..4 {
                    let name = format!("worker-{n}");
                    let got: Result<Vec<Claimed>, StoreError> =
                        finish(store.write(move |tx| tx.claim(&name, Share::All, 3)));
                    claimed.extend(got.unwrap());
                }
                claimed
            })
        })
        .collect();
    let claimed: Vec<Claimed> = workers.into_iter().flat_map(|worker| worker.join().unwrap()).collect();
    let ids: BTreeSet<_> = claimed.iter().map(|claimed| claimed.id.clone()).collect();
    assert_eq!(ids.len(), claimed.len(), "a job was claimed twice");
    let in_lanes: Vec<_> = claimed.iter().filter(|claimed| !matches!(claimed.job, Job::Deliver { .. })).collect();
    assert_eq!(in_lanes.len(), syncs.len(), "each lane runs exactly one");
    assert_eq!(claimed.len(), 25);
}
