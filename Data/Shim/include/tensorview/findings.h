/* SPDX-License-Identifier: BSD-3-Clause */
/* TensorView: what is wrong in a training run, in words: which layers and units are stuck, dead,
 * saturated, exploding, not finite, oscillating, redundant or never updated, and since when.
 *
 *   tv_findings *findings;
 *   tv_findings_make(&findings, source, NULL, NULL);
 *   const tv_finding *list;
 *   for (size_t k = 0, n = tv_findings_list(findings, &list); k < n; ++k)
 *     puts(list[k].sentence);
 *   tv_findings_free(findings);
 *
 * One pass over the statistics of all units (tensorview/units.h), record by record. What counts as
 * wrong, and why: tv_bounds in tensorview/measures.h. */
#ifndef TENSORVIEW_FINDINGS_H
#define TENSORVIEW_FINDINGS_H

#include "tensorview/measures.h"
#include "tensorview/source.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct tv_finding
{
  const char *layer;
  int64_t unit;         /* -1: all of the layer */
  int64_t since, until; /* steps: the first and the last at which it was seen */
  tv_fault fault;
  double value;         /* the number behind it, at the last of them */
  const char *sentence; /* what it is, and what to try */
} tv_finding;

typedef struct tv_findings tv_findings;

/* "stuck", "dead", ...; "" for one that does not exist. */
TV_API const char *tv_fault_name(tv_fault fault);

TV_API tv_bounds tv_default_bounds(void);

/* Looks at the whole run. bounds and execution may be NULL. A tensor that cannot be read costs
 * itself. On failure *findings is NULL. */
TV_API int tv_findings_make(tv_findings **findings, tv_source *source, const tv_bounds *bounds,
  const tv_execution *execution);

/* The same for a run that grows: what was looked at is not looked at again. bounds as above; on failure
 * *watch is NULL. */
typedef struct tv_watch tv_watch;
TV_API int tv_watch_create(tv_watch **watch, const tv_bounds *bounds);

/* Looks at the records that came since the last call, and gives all findings, as tv_findings_make()
 * would. A source of another run, known by its steps, begins anew; one of the same steps does not: give
 * each run a watch of its own. After a failure the next call goes on where that one ended. */
TV_API int tv_watch_find(
  tv_watch *watch, tv_findings **findings, tv_source *source, const tv_execution *execution);
TV_API void tv_watch_free(tv_watch *watch); /* NULL is allowed */

/* In the order of the network, of a layer by unit, and then by step. Everything in the list lives as
 * long as the findings. */
TV_API size_t tv_findings_list(const tv_findings *findings, const tv_finding **list);
TV_API void tv_findings_free(tv_findings *findings); /* NULL is allowed */

#ifdef __cplusplus
}
#endif
#endif
