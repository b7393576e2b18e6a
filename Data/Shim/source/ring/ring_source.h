/* SPDX-License-Identifier: BSD-3-Clause */
/* The ring as a source: what tensorview-live needs of it beside tensorview/source.h. Internal.
 *
 * A source "ring:NAME" lists what the trainer declared. Each tensor has one record, its last up to
 * the step that is held; before a first step was taken, none. tv_source_refresh() takes the newest
 * step and lets the one before it go. */
#ifndef TV_RING_SOURCE_H
#define TV_RING_SOURCE_H

#include "ring_reader.h"
#include "tensorview/source.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Attaches and takes no step: the caller takes, shows and releases them. Returns what
 * tv_ring_reader_attach() does; on failure *source is NULL. */
int tv_ring_source_attach(tv_source **source, const char *name);

/* The reader's side of a source of ours: for its beat, its waiting, holding and glancing. */
tv_ring_reader *tv_ring_source_reader(tv_source *source);

/* The lists become those of a step that the caller holds, until the next. */
void tv_ring_source_show(tv_source *source, const tv_ring_reader_step *step);

#ifdef __cplusplus
}
#endif
#endif
