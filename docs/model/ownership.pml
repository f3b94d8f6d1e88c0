/*
 * The ownership protocol for ONE instance: owner, epoch, take-over, dispatch. README.md beside this file says
 * what is modelled and what is not, and lists every configuration with its expected outcome.
 *
 * Instances share nothing but the member table, so one of them is enough. An atomic block is a committed
 * transaction. A master may stop between any two steps for as long as the checker likes: that is the frozen
 * process which wakes up as a zombie. Every loop is finite, so every run ends; when nothing can move any more,
 * Quiesce checks that the instance was not left behind. Safety and "no orphan" are one run.
 *
 * Switches that remove one protection each; every one of them has to make the checker fail:
 *   NO_FENCE          writes carry no condition on the owner
 *   STATE_ONLY        writes are conditioned on the expected state of the rows, not on owner and epoch
 *   HOST_ONLY         writes are conditioned on the host (the address) instead of owner and epoch
 *   NO_MEMBER_LOCK    a claim does not lock and check the member row of the claimer
 *   HINT_IS_ENOUGH    a death is declared by a hint alone: a refused call, or a view of the registry
 *   READ_BEFORE       a death is declared by heartbeats that were read before its transaction
 *   JOINS_BLINDLY     a node joins at an address without looking at the heartbeats of the one before
 *   EVENTS_ONLY       a take-over happens once per event, by members that saw it; nobody reconciles
 *   FORGETS_UIDS      the worker does not remember the uids it was given
 *   NO_TOMBSTONE      a uid that the worker never saw is closed without telling the worker
 *   SILENT_TOMBSTONE  the worker does not say that it refused a tombstoned uid
 *   ANY_LIFE          (with WORKER_RESTART) a dispatch does not name the life of the worker
 *   REBIND            (with WORKER_RESTART) a take-over sends a uid again to the worker's new life
 *   SEND_FIRST        the dispatch leaves before the row of the attempt is committed
 * NO_EPOCH_AT_WORKER shows defence in depth: the worker takes dispatches of any epoch, and nothing breaks while
 * it remembers uids. NO_I1 and NO_I6 mute one assertion, to see what breaks further down.
 */
#ifndef NT
#define NT 1                            /* tasks, one after the other                     */
#endif
#ifndef MAXB
#define MAXB 2                          /* bindings (uids) per task                       */
#endif
#ifndef MAXE
#define MAXE 3                          /* changes of the owner                           */
#endif
#ifndef CRASHES
#define CRASHES 1
#endif
#ifndef STALLS
#define STALLS 2                        /* masters whose heartbeats stop while they run   */
#endif
#ifndef NETCAP
#define NETCAP 2
#endif
#ifndef HANDOVERS
#define HANDOVERS 0
#endif
#define NM          3
#define HOST(m)     (((m) == 3) -> 1 : (m))
#define UID(t,b)    ((t)*(MAXB+1)+(b))
#define UIDS        (NT*(MAXB+1))
#define NOBODY      0

/* ------------------------------------------------------------------ database */
byte owner;                             /* owning incarnation                             */
byte epoch;                             /* +1 at every change to another owner            */
byte pos;                               /* the task that is next; NT = final              */
byte newest[NT];                        /* newest binding of the task; 0 = none           */
byte life[UIDS];                        /* the worker life that the uid is bound to       */
bool closed[UIDS];                      /* closed without a result: lost, or unbound      */
bool dead[NM+1];                        /* member row 'dead': final                       */
bool joined[NM+1];
/* ------------------------------------------------------------- outside world */
bool up[NM+1];                          /* the process exists                             */
bool silent[NM+1];                      /* it stores no heartbeats                        */
byte crashes, stalls, handovers;
byte worker_life;
/* -------------------------------------------------------------------- worker */
byte highest;                           /* highest epoch seen                             */
bool known[UIDS];                       /* seen or tombstoned                             */
bool tombstone[UIDS];                   /* never to be started                            */
bool result[UIDS];                      /* ended; kept until it is stored                 */
/* -------------------------------------------------------------------- ghosts */
byte finals, running;
bool started[UIDS];

chan net = [NETCAP] of { byte, byte, byte, byte };    /* task, binding, epoch, worker life */

#ifdef NO_FENCE
#define EXPECT(x)     true
#else
#define EXPECT(x)     (x)               /* the rows are as they were when this was decided (rev) */
#endif
#if defined(NO_FENCE) || defined(STATE_ONLY)
#define MAY_WRITE     true
#elif defined(HOST_ONLY)
#define MAY_WRITE     (owner != NOBODY && HOST(owner) == HOST(me))
#else
#define MAY_WRITE     (owner == me && epoch == e)
#endif
#ifdef NO_MEMBER_LOCK
#define MEMBER_OK     true
#else
#define MEMBER_OK     (!dead[me])
#endif
#ifdef NO_EPOCH_AT_WORKER
#define NOT_STALE(ep) true
#else
#define NOT_STALE(ep) (ep >= highest)
#endif
#ifdef SILENT_TOMBSTONE
#define REFUSED(t,b)  false
#else
#define REFUSED(t,b)  tombstone[UID(t,b)]
#endif
#define ALIVE(m)      (up[m] && !dead[m])
#ifdef NO_I1
#define I1            skip
#else
#define I1            assert(owner == me && epoch == e)     /* only the owner of this epoch writes */
#endif
#define UNOWNED       (owner == NOBODY && pos < NT && epoch < MAXE)
#define ORPHAN(p)     (owner == p && pos < NT && epoch < MAXE)
/* Refused calls and the registry hint at any time, rightly or not: they are no variable, and decide nothing. */
#ifdef HINT_IS_ENOUGH
#define DEAD_FOR_SURE(p)  joined[p]
#else
#define DEAD_FOR_SURE(p)  silent[p]
#endif
#ifdef EVENTS_ONLY
#define TAKE_OVER(p)  (p != me && DEAD_FOR_SURE(p) && !seen[p])
#else
#define TAKE_OVER(p)  (p != me && ((DEAD_FOR_SURE(p) && !dead[p]) || (dead[p] && ORPHAN(p))))
#endif
#ifdef JOINS_BLINDLY
#define MAY_JOIN_AT(p) true
#else
#define MAY_JOIN_AT(p) (dead[p] || silent[p])
#endif

inline claim() { owner = me; epoch++; mine = true; e = epoch; sent = false;
#ifndef NO_I6
                 assert(!dead[me])      /* I6: no claim by a member that was declared dead */
#endif
               }
/* I8: a member is declared dead only while it stores no heartbeats. */
inline declare(p) { assert(dead[p] || silent[p]); dead[p] = true }
inline fenced() { if :: owner != me || epoch != e -> mine = false :: else fi }    /* the actor ends */

/* The owner comes to rest: with the last task, and under REST also after any other (a pause). */
inline rest() { owner = NOBODY; mine = false }

proctype Master(byte me)
{
  bool mine, sent, ok; byte e, p, t, b, w, was;
#ifdef EVENTS_ONLY
  bool seen[NM+1];
  d_step { p = 1; do :: p <= NM -> seen[p] = silent[p]; p++ :: else -> break od; p = 0 }    /* before this life */
#endif
  do
  :: atomic { !up[me] -> break }

  /* ---- A. claim the instance while nobody owns it: it is new, or a verb wakes it */
#ifdef NO_MEMBER_LOCK
  :: ALIVE(me) && UNOWNED;                                            /* read in a snapshot ... */
     atomic { if :: up[me] && UNOWNED -> claim() :: else fi }         /* ... committed late     */
#else
  :: atomic { ALIVE(me) && UNOWNED -> claim() }
#endif

  /* ---- B. declare p dead, then claim what it owned */
  :: atomic { ALIVE(me) && (TAKE_OVER(1) || TAKE_OVER(2) || TAKE_OVER(3)) ->
              if :: TAKE_OVER(1) -> p = 1 :: TAKE_OVER(2) -> p = 2 :: TAKE_OVER(3) -> p = 3 fi;
#ifdef EVENTS_ONLY
              seen[p] = true;
#endif
#ifdef READ_BEFORE
            };                                                        /* read before ...                 */
     atomic { if :: ALIVE(me) -> declare(p) :: else fi };             /* ... declared late               */
#else
              declare(p) };
#endif
     atomic { if :: ORPHAN(p) -> was = epoch :: else -> was = 0; p = 0 fi };
     if
     :: was > 0 -> atomic { if :: up[me] && MEMBER_OK && owner == p && epoch == was -> claim() :: else fi;
                            p = 0; was = 0 }
     :: else
     fi

#if HANDOVERS > 0
  /* ---- C. drain: hand over to a member whose row says that it lives; it finds the row in its own next round */
  :: atomic { up[me] && mine && handovers < HANDOVERS && pos < NT && epoch < MAXE ->
              if :: me != 1 && joined[1] && !dead[1] -> p = 1
                 :: me != 2 && joined[2] && !dead[2] -> p = 2
                 :: me != 3 && joined[3] && !dead[3] -> p = 3
                 :: else -> p = 0 fi };
     atomic { if :: p > 0 && up[me] && !dead[p] && MAY_WRITE -> I1; owner = p; epoch++; mine = false; handovers++
                 :: else -> fenced() fi; p = 0 }
  :: atomic { ALIVE(me) && !mine && owner == me && pos < NT -> mine = true; e = epoch; sent = false }
#endif

  /* ---- D. drive the instance that this process believes it owns */
  :: atomic { up[me] && mine && pos < NT -> t = pos; b = newest[t];
#ifdef REBIND
              w = worker_life
#else
              w = ((b == 0 || closed[UID(t,b)]) -> worker_life : life[UID(t,b)])
#endif
            };
     if
     :: (b == 0 || closed[UID(t,b)]) && b < MAXB ->                   /* a new binding is needed */
        b++;
#ifdef SEND_FIRST
        net!t,b,e,w;
#endif
        atomic { if :: up[me] && EXPECT(pos == t && newest[t] == b-1) && MAY_WRITE ->
                       I1; newest[t] = b; life[UID(t,b)] = w; sent = true; ok = true
                    :: else -> ok = false; fenced() fi };
#ifndef SEND_FIRST
        if :: ok -> net!t,b,e,w :: else fi
#endif
     :: b > 0 && !closed[UID(t,b)] ->                                 /* an attempt is open */
        if
        :: !sent -> sent = true; net!t,b,e,w                          /* after a take-over: the SAME uid again */
        :: result[UID(t,b)] && w == worker_life ->                    /* the result arrived */
           atomic { if :: up[me] && EXPECT(pos == t) && MAY_WRITE ->
                          I1; pos = t+1; sent = false;
                          if :: pos == NT -> finals++; rest()
#ifdef REST
                             :: pos < NT -> rest()
#endif
                             :: pos < NT fi;
                          assert(finals <= 1)                         /* I3: final once */
                       :: else -> fenced() fi }
        :: sent && b < MAXB && (w != worker_life || !known[UID(t,b)] || REFUSED(t,b)) ->
#ifndef NO_TOMBSTONE
           atomic { if :: w == worker_life && NOT_STALE(e) && !known[UID(t,b)] ->
                          known[UID(t,b)] = true; tombstone[UID(t,b)] = true; ok = true
                       :: w == worker_life && REFUSED(t,b) -> ok = true
                       :: w != worker_life -> ok = true               /* that life is over: nothing can start there */
                       :: else -> ok = false fi };
#else
           ok = true;
#endif
           atomic { if :: ok && up[me] && EXPECT(pos == t && newest[t] == b) && MAY_WRITE ->
                          closed[UID(t,b)] = true; sent = false
                       :: else -> fenced() fi }
        :: !mine || pos != t || newest[t] != b || owner != me || epoch != e -> fenced()
        fi
     :: else
     fi;
     atomic { t = 0; b = 0; w = 0; ok = false }
  od
}

proctype Worker()
{
  byte t, b, ep, w;
  do
  :: atomic { net ?? t,b,ep,w ->                             /* any dispatch under way: they overtake each other */
       if
#ifndef ANY_LIFE
       :: w != worker_life -> skip
#endif
#ifndef NO_EPOCH_AT_WORKER
       :: ep < highest -> skip
#endif
#ifndef FORGETS_UIDS
       :: known[UID(t,b)] -> if :: ep > highest -> highest = ep :: else fi
#endif
       :: else ->
          if :: ep > highest -> highest = ep :: else fi;
          assert(!started[UID(t,b)]);                        /* I2: a uid starts at most once         */
          assert(running == 0);                              /* I4: one live attempt of a task        */
          assert(newest[t] >= b);                            /* I5: no start without a committed row  */
          known[UID(t,b)] = true; started[UID(t,b)] = true; running++
       fi; t = 0; b = 0; ep = 0; w = 0 }
  :: atomic { running > 0 ->                                 /* an attempt ends */
       t = 0; do :: t < NT -> b = 1;
                    do :: b <= MAXB ->
                          if :: started[UID(t,b)] && known[UID(t,b)] && !tombstone[UID(t,b)] && !result[UID(t,b)] -> break
                             :: else -> b++ fi
                       :: else -> break od;
                    if :: b <= MAXB -> break :: else -> t++ fi
              :: else -> break od;
       if :: t < NT -> result[UID(t,b)] = true; running-- :: else fi; t = 0; b = 0 }
#ifdef WORKER_RESTART
  :: atomic { worker_life == 0 -> worker_life = 1; running = 0; highest = 0;      /* its processes were killed first */
       t = 0; do :: t < UIDS -> known[t] = false; tombstone[t] = false; result[t] = false; t++
                 :: else -> break od; t = 0 }
#endif
  od
}

proctype World()
{
  do
  :: atomic { stalls < STALLS && joined[1] && !silent[1] -> silent[1] = true; stalls++ }
  :: atomic { stalls < STALLS && joined[2] && !silent[2] -> silent[2] = true; stalls++ }
  :: atomic { stalls < STALLS && joined[3] && !silent[3] -> silent[3] = true; stalls++ }
  :: atomic { up[1] && silent[1] && !dead[1] -> silent[1] = false }     /* its heartbeats continue */
  :: atomic { up[2] && silent[2] && !dead[2] -> silent[2] = false }
  :: atomic { up[3] && silent[3] && !dead[3] -> silent[3] = false }
  :: atomic { crashes < CRASHES -> crashes++;
              if :: up[1] -> up[1] = false; silent[1] = true
                 :: up[2] -> up[2] = false; silent[2] = true
                 :: up[3] -> up[3] = false; silent[3] = true fi }
  :: atomic { !joined[3] && MAY_JOIN_AT(1) ->                /* a new life at the host of 1: 1 is dead by this */
              declare(1); joined[3] = true; up[3] = true; run Master(3) }
  :: break                                                   /* the faults stop */
  od
}

/* Runs when nothing else can: an instance that is not final has a living owner, unless nobody lives or the
   bounds of the model (bindings, changes of the owner) are used up. */
proctype Quiesce()
{
  timeout ->
  assert(pos == NT || !(ALIVE(1) || ALIVE(2) || ALIVE(3)) || epoch == MAXE || newest[pos] == MAXB)    /* I7 */
}

init { atomic { joined[1] = true; up[1] = true; joined[2] = true; up[2] = true;
                run Master(1); run Master(2); run Worker(); run World(); run Quiesce() } }
