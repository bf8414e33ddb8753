#!/usr/lib/holdfast/node/bin/node --disable-warning=ExperimentalWarning
// The holdfast command of an installed machine. The kernel starts Node by the first line, so no shell is needed, and
// signals, systemd and scripts meet the daemon itself.
import './bundle/main.mjs'
