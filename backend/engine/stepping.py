"""The engine: one thread a device that steps the live jobs in turn, and the subscriptions that keep them alive."""

from __future__ import annotations

import atexit
import gc
import logging
import secrets
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import replace

from backend.engine.admission import check_question, check_target, told
from backend.engine.job import Job, Snapshot
from backend.engine.status import Forecast, Status
from backend.engine.sweeps import sweep_key
from backend.engine.workshop import Workshop
from backend.limits import FINAL_JOBS_KEPT, LEASE_SECONDS, LIVE_JOBS
from backend.methods.params import ParameterError
from backend.methods.question import Question
from backend.methods.registry import Lane, method_named
from backend.methods.steps import Cancelled, Event, Failed, Partial, Progress, Queued, Result

log = logging.getLogger("vitrine.engine")


class QueueFull(RuntimeError):
    """Too many jobs are live; the message names the limit."""


class Engine:
    """Runs questions. `ask` subscribes, `look` reads the latest snapshot, `renew` keeps a lease, `leave` gives it up."""

    def __init__(
        self,
        make_workshop: Callable[[], Workshop],
        warm: Callable[[Workshop], None] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.workshop = make_workshop()
        self._warm = warm
        self._clock = clock  # what leases are measured by, in seconds
        self._stopped: list[Job] = []  # not yet written to the archive
        self._jobs: dict[str, Job] = {}
        self._subscriptions: dict[str, str] = {}
        self._left: dict[str, Snapshot] = {}  # what those saw last who left a job that others still follow
        self._wake = threading.Condition()
        self._turn = 0
        self._closing = False
        self._ready = warm is None
        self._problem: str | None = None
        self._unkept: str | None = None  # why the last run is not in the archive
        self._thread = threading.Thread(target=self._run, name="vitrine-engine", daemon=True)
        self._thread.start()
        atexit.register(self.close)  # a thread inside torch while the interpreter ends would abort the process

    def ask(self, question: Question, *, lane: Lane | None = None, leased: bool | None = None, keep: bool = True) -> str:
        """Subscribe to the question's job, started where none is live or finished. Returns the subscription.

        Interactive jobs are leased unless told otherwise, background jobs are not; without a lease the job belongs to its
        caller, who must `leave`. `keep` writes the run to the archive.
        Raises ParameterError for a question that cannot be asked, QueueFull beyond the limit of live jobs.
        """
        chosen = method_named(question.method)
        check_question(question)
        name, subscription = question.hash, secrets.token_urlsafe(16)
        lane = lane or chosen.lane
        leased = lane == "interactive" if leased is None else leased
        keep = keep and chosen.remembered

        def again(job: Job) -> bool:
            return not chosen.remembered or (keep and not job.keep)

        with self._wake:
            job = self._jobs.get(name)
            if job is None or job.snapshot.state in ("stopped", "failed") or (job.snapshot.final and again(job)):
                job = self._admit(question, lane, keep)
            if lane == "interactive":
                job.lane = lane
            job.keep = job.keep or keep
            job.leases[subscription] = self._clock() + LEASE_SECONDS if leased else None
            self._subscriptions[subscription] = name
            self._wake.notify_all()
        return subscription

    def look(self, subscription: str) -> Snapshot | None:
        """The job's latest snapshot, and the lease renewed; None where the engine no longer knows it.

        Who has left sees the job as it was then, stopped, though it may go on for others.
        """
        self.renew([subscription])
        with self._wake:
            if subscription in self._left:
                return self._left[subscription]
            job = self._jobs.get(self._subscriptions.get(subscription, ""))
            return job.snapshot if job else None

    def renew(self, subscriptions: Iterable[str]) -> None:
        """Keep leases alive for another LEASE_SECONDS."""
        end = self._clock() + LEASE_SECONDS
        with self._wake:
            for subscription in subscriptions:
                job = self._jobs.get(self._subscriptions.get(subscription, ""))
                if job and job.leases.get(subscription) is not None:
                    job.leases[subscription] = end

    def leave(self, subscription: str) -> None:
        """Give a subscription up; the last one out stops the job at its next step."""
        with self._wake:
            job = self._jobs.get(self._subscriptions.get(subscription, ""))
            if job:
                job.leases.pop(subscription, None)
                if job.leases and not job.snapshot.final:
                    self._left[subscription] = replace(job.snapshot, state="stopped")
            self._wake.notify_all()

    def wait(self, subscription: str, version: int, timeout: float | None = None) -> Snapshot:
        """Block until the job's snapshot is newer than `version` or final. Raises LookupError where it is unknown."""
        with self._wake:
            job = self._jobs.get(self._subscriptions.get(subscription, ""))
            if job is None:
                raise LookupError(f"no job for subscription {subscription[:12]}")
            self._wake.wait_for(lambda: job.snapshot.version > version or job.snapshot.final, timeout)
            return job.snapshot

    def wait_final(self, subscription: str, timeout: float) -> Snapshot | None:
        """Block until the job is final or `timeout` seconds have passed; its snapshot, None where it is unknown."""
        with self._wake:
            job = self._jobs.get(self._subscriptions.get(subscription, ""))
            if job is None:
                return None
            self._wake.wait_for(lambda: job.snapshot.final, timeout)
            return job.snapshot

    def free(self, question: Question) -> bool:
        """Whether the answer costs no pass: the result is known, or the sweep it is a view of is done."""
        if self.workshop.known(question) is not None:
            return True
        reads = method_named(question.method).reads
        return bool(self._ready and reads and self.workshop.sweeps.complete(sweep_key(question, *reads(question.params))))

    def forecast(self, question: Question) -> Forecast | None:
        """What the question would cost from nothing; None before the model is loaded."""
        card = self.workshop.card(question.model)
        if card is None:
            return None
        passes, speed = method_named(question.method).cost(question.params, card), self.workshop.speed(question.model)
        backward = min(passes.backward, passes.forward)
        return Forecast(passes, (passes.forward - backward) * speed.forward + backward * speed.both)

    def status(self) -> Status:
        """The engine in a line."""
        with self._wake:
            live = [job.snapshot for job in self._jobs.values() if not job.snapshot.final]
            running = [snapshot for snapshot in live if snapshot.state == "running"]
            share = sum(s.done / s.total if s.total else 0.0 for s in live) / len(live) if live else None
            problem = self._problem or self._unkept
            return Status(self.workshop.device, len(running), len(live) - len(running), share, self._ready, problem)

    def close(self) -> None:
        """Stop the thread after its current step."""
        with self._wake:
            self._closing = True
            self._wake.notify_all()
        self._thread.join(timeout=30)
        atexit.unregister(self.close)

    def _admit(self, question: Question, lane: Lane, keep: bool) -> Job:
        live = sum(not job.snapshot.final for job in self._jobs.values())
        if live >= LIVE_JOBS:
            raise QueueFull(f"{live} runs are waiting already; the limit is {LIVE_JOBS}. Stop some, or wait for them.")
        job = Job(question, lane, keep, Snapshot(question))
        job.tell(Queued(live))
        self._jobs.pop(question.hash, None)
        self._jobs[question.hash] = job
        return job

    def _run(self) -> None:
        self._warm_up()
        while not self._closing:
            with self._wake:
                job = self._next()
                if job is None and not self._stopped and not self._closing:
                    self._wake.wait(timeout=1.0)
            while self._stopped:  # outside the lock, since a disk may be slow
                self._archive(self._stopped.pop(0), "stopped")
            if job is not None and not self._closing:
                self._step(job)

    def _warm_up(self) -> None:
        if self._warm is None:
            return
        try:
            self._warm(self.workshop)
        except Exception as error:
            log.exception("warm-up failed")
            self._problem = str(error)
        gc.collect()
        gc.freeze()  # Streamlit collects after every rerun; frozen imports keep that at milliseconds
        self._ready = True

    def _next(self) -> Job | None:
        now = self._clock()
        for job in self._jobs.values():
            job.expire(now)
        live = [job for job in self._jobs.values() if not job.snapshot.final]
        for job in [job for job in live if not job.leases]:
            self._cancel(job)
        self._forget_old()
        live = [job for job in live if job.leases]
        return min(live, key=lambda job: (job.lane != "interactive", job.stepped), default=None)

    def _cancel(self, job: Job) -> None:
        job.tell(Cancelled(job.snapshot.done, job.snapshot.total))
        self._stopped.append(job)
        self._wake.notify_all()

    def _step(self, job: Job) -> None:
        before = time.perf_counter()
        event: Event
        try:
            event = self._advance(job)
        except Exception as error:
            log.exception("%s failed", job.question.method)
            event = Failed(*told(error))
        seconds = time.perf_counter() - before
        if isinstance(event, Result) and method_named(job.question.method).remembered:
            self.workshop.keep(job.question, event.value)
        with self._wake:
            self._turn += 1
            job.stepped = self._turn
            job.tell(event, seconds)
            self._wake.notify_all()
        if isinstance(event, Result):
            self._archive(job, "finished")

    def _advance(self, job: Job) -> Progress | Partial | Result:
        if job.steps is None:
            known = self.workshop.known(job.question)
            if known is not None:
                return Result(known)
            from backend.engine.asking import asking_for

            chosen = method_named(job.question.method)
            asking = asking_for(job.question, self.workshop)
            misfit = chosen.misfit(asking.model.card)
            if misfit:
                raise ParameterError(misfit)
            check_target(job.question, asking.model.card.outputs)
            job.steps = chosen.run(job.question, asking)
        step = next(job.steps, None)
        if step is None:
            raise RuntimeError(f"{job.question.method} ended without a result")
        return step

    def _archive(self, job: Job, state: str) -> None:
        archive, snapshot = self.workshop.archive, job.snapshot
        if not archive or not job.keep or snapshot.value is None:
            return
        try:
            archive.record(
                job.question, snapshot.value, state=state, done=snapshot.done, total=snapshot.total, seconds=snapshot.seconds
            )
            self._unkept = None
        except Exception as error:
            log.exception("the run could not be kept")
            self._unkept = f"The run could not be kept: {error}"

    def _forget_old(self) -> None:
        # What somebody still looks at stays, however many others there are.
        final = [name for name, job in self._jobs.items() if job.snapshot.final and not job.leases]
        for name in final[: max(0, len(final) - FINAL_JOBS_KEPT)]:
            del self._jobs[name]
        for subscription in list(self._left)[: max(0, len(self._left) - FINAL_JOBS_KEPT)]:
            del self._left[subscription]
        if len(self._subscriptions) > 4 * FINAL_JOBS_KEPT:
            self._subscriptions = {key: name for key, name in self._subscriptions.items() if name in self._jobs}
