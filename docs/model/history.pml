/*
 * How a node notices that its database has lost commits which it had acknowledged. README.md beside this file says
 * what is modelled and what is not, and lists every configuration with its expected outcome.
 *
 * One node, one database. An atomic block is a committed transaction, or what the node does without waiting. The
 * heartbeats have a connection of their own, which is not checked; every other connection is checked before its
 * first use. Every loop is finite; when nothing can move any more, Quiesce checks that a loss was noticed.
 *
 * Switches that remove one protection each; every one of them has to make the checker fail:
 *   POSITIONS          a connection is judged by the end of the write-ahead log
 *   COMPARE_LATE       a connection is compared with what is acknowledged when its answer arrives
 *   EXACT_COUNT        a heartbeat expects the count that was acknowledged, and no other
 *   BLIND_HEARTBEAT    a heartbeat is stored whatever the database holds
 *   UNCHECKED          a connection is used without a check
 * NO_H1 mutes one assertion, to see what else breaks.
 */
#ifndef HEARTBEATS
#define HEARTBEATS 3
#endif
#ifndef CRASHES
#define CRASHES 2                       /* of the database: it restarts, and loses nothing that was committed */
#endif
#ifndef CONNECTIONS
#define CONNECTIONS 3
#endif

/* ------------------------------------------------------------------ database */
byte stored;                            /* heartbeats of the node                         */
byte tail;                              /* log after the last commit; a crash gives it up */
byte boot;                              /* raised by each start; older connections broke  */
byte copy;                              /* heartbeats in the backup                       */
bool copied, restored;
/* ---------------------------------------------------------------------- node */
byte acknowledged;                      /* heartbeats whose answers have arrived          */
byte highest;                           /* the highest end of the log that was seen       */
bool noticed;                           /* it has found a loss, and ends                  */
/* ------------------------------------------------------------------- ghosts */
byte committed;                         /* heartbeats that were ever committed            */
bool lost;                              /* acknowledged heartbeats are missing            */

#define POSITION  (2 * stored + tail)

#ifdef BLIND_HEARTBEAT
#define MAY_STORE true
#elif defined(EXACT_COUNT)
#define MAY_STORE (stored == acknowledged)
#else
#define MAY_STORE (stored >= acknowledged)
#endif

/* H2: only a database that went back is taken for one that lost commits. */
inline notice() { assert(restored); noticed = true }

proctype Heartbeat()
{
  byte sent, answer;
  do
  :: atomic { !noticed && sent < HEARTBEATS -> sent++;
              if :: MAY_STORE -> stored++; answer = stored;
                    if :: stored > committed -> committed = stored :: else fi
                 :: else -> answer = 0; notice() fi };
     if
     :: atomic { answer > acknowledged -> acknowledged = answer }     /* the answer arrives ... */
     :: skip                                                          /* ... or is lost         */
     fi;
     answer = 0
  :: atomic { noticed || sent == HEARTBEATS -> break }
  od
}

proctype Connection()
{
  byte opened, mine, expected, seen;
  do
  :: atomic { !noticed && opened < CONNECTIONS -> opened++; mine = boot; expected = acknowledged };
     atomic { seen = stored;
#ifdef POSITIONS
              seen = POSITION; expected = highest
#endif
            };
     atomic {
#ifdef COMPARE_LATE
              expected = acknowledged;
#endif
              if
              :: mine != boot -> skip                                 /* broken before it answered */
#ifndef UNCHECKED
              :: mine == boot && seen < expected -> notice()
#endif
              :: else -> if :: POSITION > highest -> highest = POSITION :: else fi;
                         /* H1: what follows is written to a database with every acknowledged heartbeat. */
#ifndef NO_H1
                         assert(!lost)
#else
                         skip
#endif
              fi; expected = 0; seen = 0; mine = 0 }
  :: atomic { noticed || opened == CONNECTIONS -> break }
  od
}

proctype World()
{
  byte crashes;
  do
  :: atomic { tail == 0 -> tail = 1 }                                 /* a record that no commit follows yet */
  :: atomic { crashes < CRASHES -> crashes++; boot++; tail = 0 }
  :: atomic { !copied -> copied = true; copy = stored }
  :: atomic { copied && !restored -> restored = true; boot++; tail = 0;
              if :: copy < acknowledged -> lost = true :: else fi; stored = copy }
  :: break
  od
}

/* A loss is noticed by the next heartbeat or the next connection. */
proctype Quiesce()
{
  timeout ->
  if
  :: lost && !noticed -> assert(stored < acknowledged)                /* H3 */
  :: else
  fi
}

init { atomic { run Heartbeat(); run Connection(); run World(); run Quiesce() } }
