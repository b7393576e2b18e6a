# VGG16 over photographs. Built where libjpeg, libpng, HDF5 and oneDNN are.
find_package(JPEG)
find_package(PNG)
find_package(PkgConfig)
find_package(OpenMP COMPONENTS C)
find_library(DNNL_LIBRARY dnnl)
find_path(DNNL_INCLUDE_DIR dnnl.h)
if(PkgConfig_FOUND)
  # As the shim: one program must not hold two HDF5 libraries.
  pkg_search_module(TENSORVIEW_HDF5 IMPORTED_TARGET
    hdf5-serial>=1.10.3 hdf5>=1.10.3 hdf5-openmpi>=1.10.3 hdf5-mpich>=1.10.3)
endif()
if(NOT (JPEG_FOUND AND PNG_FOUND AND TENSORVIEW_HDF5_FOUND AND OpenMP_C_FOUND AND DNNL_LIBRARY
    AND DNNL_INCLUDE_DIR))
  message(STATUS "tensorview-vgg16 is left out: it needs libjpeg, libpng, HDF5, OpenMP and oneDNN")
  return()
endif()

add_executable(tensorview-vgg16
  photographs.c
  photographs_decode.c
  vgg16.c
  vgg_network.c
  vgg_options.c
  weights_file.c
  weights_file_hdf5.c
  weights_file_safetensors.c)
target_compile_definitions(tensorview-vgg16 PRIVATE _GNU_SOURCE)
target_include_directories(tensorview-vgg16 PRIVATE ${DNNL_INCLUDE_DIR})
target_link_libraries(tensorview-vgg16 PRIVATE
  tensorview_static
  tensorview_warnings
  PkgConfig::TENSORVIEW_HDF5
  ${DNNL_LIBRARY}
  JPEG::JPEG
  PNG::PNG
  OpenMP::OpenMP_C
  m)
set_target_properties(tensorview-vgg16 PROPERTIES
  RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/bin)
