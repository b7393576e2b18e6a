/* SPDX-License-Identifier: BSD-3-Clause */
/* A list of findings while it is made. Internal. */
#ifndef TV_FINDINGS_LIST_H
#define TV_FINDINGS_LIST_H

#include "tensorview/findings.h"
#include "tensorview/units.h"
#include "unit_rules.h"

struct tv_findings
{
  tv_finding *list; /* layer and sentence are owned */
  size_t count, capacity;
};

/* Adds one, with its sentence. other: the filter that a redundant one is like; bounds as they were. */
int tv_findings_add(tv_findings *findings, const char *layer, const char *kind, size_t units,
  const tv_episode *episode, size_t other, const tv_bounds *bounds);

/* Filters of a layer that see the same, in the last record of stream (activations or weights of the
 * source's tensor), and since which record. */
int tv_findings_redundant(tv_findings *findings, tv_source *source, const tv_unit_stream *stream,
  const tv_bounds *bounds, const tv_execution *execution);

#endif
