#!/bin/sh
# The holdfast command of an installed machine: the pinned Node and the bundled daemon.
# exec keeps the process id, so that signals, systemd and scripts meet the daemon itself.
: "${HOLDFAST_UI_DIR:=/usr/lib/holdfast/ui}"
# Each thread's allocator keeps arenas of its own; two are enough for three busy threads and save 10 MB.
: "${MALLOC_ARENA_MAX:=2}"
export HOLDFAST_UI_DIR MALLOC_ARENA_MAX
exec /usr/lib/holdfast/node/bin/node --disable-warning=ExperimentalWarning /usr/lib/holdfast/app/bundle/main.mjs "$@"
