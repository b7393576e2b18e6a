/* SPDX-License-Identifier: BSD-3-Clause */
/* What both sides check of a request: the viewer before it asks, the trainer's library before it
 * hands it out. Internal. */
#ifndef TV_REQUEST_CHECK_H
#define TV_REQUEST_CHECK_H

#include "tensorview/request.h"

/* filters: of the layer that it names; 0 where there is none of that name with states. */
int tv_request_check(const tv_request *request, size_t filters);

#endif
