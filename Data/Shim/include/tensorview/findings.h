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

/* In the order of the network, of a layer by unit, and then by step. Everything in the list lives as
 * long as the findings. */
TV_API size_t tv_findings_list(const tv_findings *findings, const tv_finding **list);
TV_API void tv_findings_free(tv_findings *findings); /* NULL is allowed */

#ifdef __cplusplus
}
#endif
#endif
