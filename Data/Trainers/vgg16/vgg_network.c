/* SPDX-License-Identifier: BSD-3-Clause */
#include "vgg_network.h"

#include "onednn.h"
#include "status.h"

#include <omp.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* One layer made ready: its primitive in whatever layout is fastest, and, if it is wanted, the
 * reorder of its result to plain nchw. */
typedef struct step
{
  dnnl_primitive_t primitive, to_plain;
  dnnl_memory_t source, result, plain; /* without memory of their own: set before each use */
  dnnl_memory_t weights, bias;         /* NULL for pooling; owned by oneDNN */
} step;

struct vgg_network
{
  dnnl_engine_t engine;
  dnnl_stream_t stream;
  dnnl_primitive_t prepare_input; /* NULL where conv1_1 takes plain images */
  dnnl_memory_t input, prepared;
  step steps[VGG_LAYERS];
  int wanted[VGG_LAYERS];
  size_t layers;
  int threads;
  void *buffers[2]; /* results alternate between them */
  void *plain;
};

#define TRY(call)                                                                                  \
  do {                                                                                             \
    const dnnl_status_t try_status = (call);                                                       \
    if (try_status != dnnl_success)                                                                \
      return refused(try_status, #call);                                                           \
  } while (0)

static int refused(dnnl_status_t status, const char *call)
{
  if (status == dnnl_out_of_memory)
    return tv_fail(TV_ERROR_MEMORY, "oneDNN has no memory left (%s)", call);
  return tv_fail(TV_ERROR_UNSUPPORTED, "oneDNN refused with status %d: %s", (int)status, call);
}

void vgg_describe(vgg_layer layers[VGG_LAYERS], size_t size)
{
  static const struct
  {
    const char *name;
    vgg_kind kind;
    size_t filters;
  } plan[VGG_LAYERS] = {
    {"conv1_1", VGG_CONVOLUTION, 64},
    {"conv1_2", VGG_CONVOLUTION, 64},
    {"pool1", VGG_POOLING, 64},
    {"conv2_1", VGG_CONVOLUTION, 128},
    {"conv2_2", VGG_CONVOLUTION, 128},
    {"pool2", VGG_POOLING, 128},
    {"conv3_1", VGG_CONVOLUTION, 256},
    {"conv3_2", VGG_CONVOLUTION, 256},
    {"conv3_3", VGG_CONVOLUTION, 256},
    {"pool3", VGG_POOLING, 256},
    {"conv4_1", VGG_CONVOLUTION, 512},
    {"conv4_2", VGG_CONVOLUTION, 512},
    {"conv4_3", VGG_CONVOLUTION, 512},
    {"pool4", VGG_POOLING, 512},
    {"conv5_1", VGG_CONVOLUTION, 512},
    {"conv5_2", VGG_CONVOLUTION, 512},
    {"conv5_3", VGG_CONVOLUTION, 512},
    {"pool5", VGG_POOLING, 512},
    {"fc6", VGG_FULLY_CONNECTED, 4096},
    {"fc7", VGG_FULLY_CONNECTED, 4096},
    {"fc8", VGG_FULLY_CONNECTED, 1000},
  };
  size_t inputs = 3, side = size;
  for (size_t l = 0; l < VGG_LAYERS; ++l) {
    if (plan[l].kind == VGG_POOLING)
      side /= 2;
    if (plan[l].kind == VGG_FULLY_CONNECTED) {
      inputs *= side * side;
      side = side ? 1 : 0;
    }
    layers[l] = (vgg_layer){plan[l].name, plan[l].kind, inputs, plan[l].filters, side};
    inputs = plan[l].filters;
  }
}

/* A memory object around the caller's values (or none yet). */
static int wrap(dnnl_memory_t *memory, onednn_layout layout, dnnl_engine_t engine, void *values)
{
  TRY(dnnl_memory_create(memory, layout, engine, values ? values : DNNL_MEMORY_NONE));
  return 0;
}

static int create_reorder(
  dnnl_primitive_t *reorder, onednn_layout from, onednn_layout to, dnnl_engine_t engine)
{
  dnnl_primitive_desc_t description;
  TRY(dnnl_reorder_primitive_desc_create(&description, from, engine, to, engine, NULL));
  const dnnl_status_t status = dnnl_primitive_create(reorder, description);
  dnnl_primitive_desc_destroy(description);
  TRY(status);
  return 0;
}

static int execute_reorder(
  vgg_network *network, dnnl_primitive_t reorder, dnnl_memory_t from, dnnl_memory_t to)
{
  const dnnl_exec_arg_t arguments[] = {{DNNL_ARG_FROM, from}, {DNNL_ARG_TO, to}};
  TRY(dnnl_primitive_execute(reorder, network->stream, 2, arguments));
  TRY(dnnl_stream_wait(network->stream));
  return 0;
}

/* Copies values of the file's layout into memory of oneDNN's choice. */
static int load(vgg_network *network, dnnl_memory_t *memory, onednn_layout layout,
  onednn_layout file_layout, float *values)
{
  dnnl_memory_t from = NULL;
  dnnl_primitive_t reorder = NULL;
  TRY(dnnl_memory_create(memory, layout, network->engine, DNNL_MEMORY_ALLOCATE));
  int status = wrap(&from, file_layout, network->engine, values);
  if (!status)
    status = create_reorder(&reorder, file_layout, layout, network->engine);
  if (!status)
    status = execute_reorder(network, reorder, from, *memory);
  dnnl_primitive_destroy(reorder);
  dnnl_memory_destroy(from);
  return status;
}

/* A layout of oneDNN's choice. */
static dnnl_status_t any_layout(onednn_layout *layout, int axes, const dnnl_dim_t *sizes)
{
  return onednn_layout_create(layout, axes, sizes, NULL, dnnl_format_tag_any);
}

/* The primitive's description, with ReLU behind it where wanted, from layouts for the input (NULL:
 * the plain images, which oneDNN may order anew), weights, bias and result. */
static dnnl_status_t describe_layouts(dnnl_primitive_desc_t *description, dnnl_engine_t engine,
  const vgg_layer *layer, int relu, const onednn_layout layouts[4])
{
  if (layer->kind == VGG_POOLING)
    return onednn_pooling(description, engine, dnnl_forward_inference, layouts[0], layouts[3]);
  return (layer->kind == VGG_CONVOLUTION ? onednn_convolution : onednn_product)(description, engine,
    dnnl_forward_inference, relu, layouts[0], layouts[1], layouts[2], layouts[3]);
}

/* The result's layout is oneDNN's choice, and that of the plain images before the first layer
 * too. */
static int describe_primitive(dnnl_primitive_desc_t *description, const vgg_network *network,
  const vgg_layer *layer, onednn_layout source, size_t batch, int relu)
{
  const dnnl_dim_t filters = (dnnl_dim_t)layer->filters, side = (dnnl_dim_t)layer->side;
  const dnnl_dim_t *sources = onednn_sizes(source);
  const int images = layer->inputs == 3, axes = onednn_axes(source);
  const dnnl_dims_t results = {(dnnl_dim_t)batch, filters, side, side}, one_axis = {filters};
  dnnl_dims_t kernel = {filters, (dnnl_dim_t)layer->inputs, 3, 3};
  if (layer->kind == VGG_FULLY_CONNECTED)
    for (int axis = 1; axis < axes; ++axis)
      kernel[axis] = sources[axis];
  onednn_layout made[4] = {NULL, NULL, NULL, NULL};
  dnnl_status_t status = any_layout(&made[3], layer->kind == VGG_FULLY_CONNECTED ? 2 : 4, results);
  if (status == dnnl_success && images)
    status = any_layout(&made[0], 4, sources);
  if (status == dnnl_success && layer->kind != VGG_POOLING)
    status = any_layout(&made[1], axes, kernel);
  if (status == dnnl_success)
    status = onednn_layout_create(&made[2], 1, one_axis, NULL, dnnl_x);
  if (status == dnnl_success) {
    const onednn_layout layouts[4] = {images ? made[0] : source, made[1], made[2], made[3]};
    status = describe_layouts(description, network->engine, layer, relu, layouts);
  }
  for (int i = 0; i < 4; ++i)
    onednn_layout_free(made[i]);
  TRY(status);
  return 0;
}

/* How weights lie in the file, as oneDNN sees them: [outputs, inputs(, height, width)]. */
static dnnl_status_t file_layout(onednn_layout *layout, onednn_layout weights, const char *axes)
{
  const int outputs_first = axes[0] == 'o', plane = onednn_axes(weights) == 4;
  dnnl_format_tag_t tag = plane ? dnnl_oihw : dnnl_oi;
  if (!outputs_first)
    tag = plane ? dnnl_hwio : dnnl_io; /* Keras flattens [h, w, c] before fc6: hwio as well */
  return onednn_layout_create(layout, onednn_axes(weights), onednn_sizes(weights), NULL, tag);
}

static int load_parameters(
  vgg_network *network, step *step, const_dnnl_primitive_desc_t description, weights_layer *weights)
{
  const onednn_layout kernel = dnnl_primitive_desc_query_md(description, dnnl_query_weights_md, 0);
  const onednn_layout bias = dnnl_primitive_desc_query_md(description, dnnl_query_weights_md, 1);
  onednn_layout in_file;
  TRY(file_layout(&in_file, kernel, weights->axes));
  int status = load(network, &step->weights, kernel, in_file, weights->weights);
  if (!status)
    status = load(network, &step->bias, bias, bias, weights->bias);
  onednn_layout_free(in_file);
  return status;
}

/* The reorder of a result to plain nchw, where it is in another order. */
static int make_plain(vgg_network *network, step *step, onednn_layout result)
{
  onednn_layout plain;
  const int axes = onednn_axes(result);
  TRY(onednn_layout_create(
    &plain, axes, onednn_sizes(result), NULL, axes == 4 ? dnnl_nchw : dnnl_nc));
  int status = 0;
  if (!dnnl_memory_desc_equal(plain, result)) {
    status = create_reorder(&step->to_plain, result, plain, network->engine);
    if (!status)
      status = wrap(&step->plain, plain, network->engine, NULL);
  }
  onednn_layout_free(plain);
  return status;
}

/* Plain images in the order that the first layer wants; bytes: at least what they take there. */
static int prepare(vgg_network *network, onednn_layout images, onednn_layout source, size_t *bytes)
{
  if (dnnl_memory_desc_equal(source, images))
    return 0;
  const int status = create_reorder(&network->prepare_input, images, source, network->engine);
  if (*bytes < dnnl_memory_desc_get_size(source))
    *bytes = dnnl_memory_desc_get_size(source);
  return status ? status : wrap(&network->prepared, source, network->engine, NULL);
}

/* Builds step l on top of what the one before gives. */
static int build_step(vgg_network *network, size_t l, const vgg_layer *layer, size_t batch,
  int wanted, weights_layer *weights, size_t bytes[2])
{
  step *step = network->steps + l;
  onednn_layout before = NULL;
  dnnl_primitive_desc_t description = NULL;
  const int relu = layer->kind != VGG_POOLING && strcmp(layer->name, "fc8");
  TRY(dnnl_memory_get_memory_desc(l ? network->steps[l - 1].result : network->input, &before));
  int status = describe_primitive(&description, network, layer, before, batch, relu);
  if (status)
    return status;
  const onednn_layout source = dnnl_primitive_desc_query_md(description, dnnl_query_src_md, 0);
  const onednn_layout result = dnnl_primitive_desc_query_md(description, dnnl_query_dst_md, 0);
  const dnnl_status_t created = dnnl_primitive_create(&step->primitive, description);
  if (created != dnnl_success)
    status = refused(created, "dnnl_primitive_create");
  if (!status && l == 0)
    status = prepare(network, before, source, &bytes[1]);
  if (!status)
    status = wrap(&step->source, source, network->engine, NULL);
  if (!status)
    status = wrap(&step->result, result, network->engine, NULL);
  if (!status && layer->kind != VGG_POOLING)
    status = load_parameters(network, step, description, weights);
  if (!status && wanted)
    status = make_plain(network, step, result);
  if (bytes[l % 2] < dnnl_memory_desc_get_size(result))
    bytes[l % 2] = dnnl_memory_desc_get_size(result);
  dnnl_primitive_desc_destroy(description);
  return status;
}

static int build(vgg_network *network, weights_file *file, size_t batch, size_t size,
  const int wanted[VGG_LAYERS], vgg_receive_weights receive, void *context)
{
  vgg_layer layers[VGG_LAYERS];
  size_t bytes[2] = {0, 0}, plain = 0;
  const dnnl_dims_t images = {(dnnl_dim_t)batch, 3, (dnnl_dim_t)size, (dnnl_dim_t)size};
  onednn_layout layout;
  vgg_describe(layers, size);
  TRY(dnnl_engine_create(&network->engine, dnnl_cpu, 0));
  TRY(dnnl_stream_create(&network->stream, network->engine, dnnl_stream_default_flags));
  TRY(onednn_layout_create(&layout, 4, images, NULL, dnnl_nchw));
  int status = wrap(&network->input, layout, network->engine, NULL);
  onednn_layout_free(layout);
  for (size_t l = 0; !status && l < network->layers; ++l) {
    weights_layer weights = {NULL, NULL, NULL};
    if (!layers[l].side)
      return tv_fail(TV_ERROR_ARGUMENT, "images of %zu x %zu leave nothing for layer %s", size,
        size, layers[l].name);
    if (layers[l].kind != VGG_POOLING)
      status = weights_read(&weights, file, layers[l].name, layers[l].filters, layers[l].inputs,
        layers[l].kind == VGG_CONVOLUTION ? 3 : 0);
    if (!status)
      status = build_step(network, l, layers + l, batch, wanted[l], &weights, bytes);
    if (!status && receive && weights.weights)
      status = receive(context, l, &weights);
    weights_layer_free(&weights);
    if (wanted[l] && plain < layers[l].filters * layers[l].side * layers[l].side)
      plain = layers[l].filters * layers[l].side * layers[l].side;
  }
  if (status)
    return status;
  plain *= batch * sizeof(float); /* no more than the same layer's blocked result, which fits */
  for (int b = 0; b < 2; ++b)
    if (bytes[b] && !(network->buffers[b] = aligned_alloc(64, (bytes[b] + 63) / 64 * 64)))
      return tv_fail(TV_ERROR_MEMORY, "no memory for activations of %zu bytes", bytes[b]);
  if (plain && !(network->plain = aligned_alloc(64, (plain + 63) / 64 * 64)))
    return tv_fail(TV_ERROR_MEMORY, "no memory for activations of %zu bytes", plain);
  return 0;
}

int vgg_create(vgg_network **result, weights_file *file, size_t layers, size_t batch, size_t size,
  const int wanted[VGG_LAYERS], vgg_receive_weights receive, void *context, int threads)
{
  *result = NULL;
  if (layers < 1 || layers > VGG_LAYERS || batch < 1 || batch > 65536 || size < 1 || size > 8192 ||
      threads < 1)
    return tv_fail(TV_ERROR_ARGUMENT, "a batch is 1 to 65536 images of at most 8192 x 8192 pixels");
  vgg_network *network = calloc(1, sizeof *network);
  if (!network)
    return tv_fail(TV_ERROR_MEMORY, "no memory for the network");
  network->layers = layers;
  network->threads = threads;
  memcpy(network->wanted, wanted, sizeof network->wanted);
  omp_set_num_threads(threads); /* oneDNN has no option of its own */
  const int status = build(network, file, batch, size, wanted, receive, context);
  if (status)
    vgg_destroy(network);
  else
    *result = network;
  return status;
}

static int forward_step(
  vgg_network *network, size_t l, void *from, vgg_receive receive, void *context)
{
  step *step = network->steps + l;
  void *to = network->buffers[l % 2];
  const dnnl_exec_arg_t arguments[] = {{DNNL_ARG_SRC, step->source}, {DNNL_ARG_DST, step->result},
    {DNNL_ARG_WEIGHTS, step->weights}, {DNNL_ARG_BIAS, step->bias}};
  TRY(dnnl_memory_set_data_handle(step->source, from));
  TRY(dnnl_memory_set_data_handle(step->result, to));
  TRY(dnnl_primitive_execute(step->primitive, network->stream, step->weights ? 4 : 2, arguments));
  TRY(dnnl_stream_wait(network->stream));
  if (!receive || !network->wanted[l])
    return 0;
  if (step->to_plain) {
    TRY(dnnl_memory_set_data_handle(step->plain, network->plain));
    const int status = execute_reorder(network, step->to_plain, step->result, step->plain);
    if (status)
      return status;
    to = network->plain;
  }
  return receive(context, l, to);
}

int vgg_forward(vgg_network *network, const float *images, vgg_receive receive, void *context)
{
  void *from = (void *)(uintptr_t)images; /* oneDNN has no const */
  omp_set_num_threads(network->threads);
  if (network->prepare_input) {
    TRY(dnnl_memory_set_data_handle(network->input, from));
    TRY(dnnl_memory_set_data_handle(network->prepared, network->buffers[1]));
    const int status =
      execute_reorder(network, network->prepare_input, network->input, network->prepared);
    if (status)
      return status;
    from = network->buffers[1];
  }
  for (size_t l = 0; l < network->layers; ++l) {
    const int status = forward_step(network, l, from, receive, context);
    if (status)
      return status;
    from = network->buffers[l % 2];
  }
  return 0;
}

void vgg_destroy(vgg_network *network)
{
  if (!network)
    return;
  for (size_t l = 0; l < network->layers; ++l) {
    step *step = network->steps + l;
    dnnl_primitive_destroy(step->primitive);
    dnnl_primitive_destroy(step->to_plain);
    dnnl_memory_t memories[] = {step->source, step->result, step->plain, step->weights, step->bias};
    for (size_t m = 0; m < sizeof memories / sizeof memories[0]; ++m)
      dnnl_memory_destroy(memories[m]);
  }
  dnnl_primitive_destroy(network->prepare_input);
  dnnl_memory_destroy(network->input);
  dnnl_memory_destroy(network->prepared);
  dnnl_stream_destroy(network->stream);
  dnnl_engine_destroy(network->engine);
  free(network->buffers[0]);
  free(network->buffers[1]);
  free(network->plain);
  free(network);
}
