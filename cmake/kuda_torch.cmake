# LibTorch: finds one and offers it as the target kuda_torch.
#
# Where it comes from, first match wins:
#   1. Torch_DIR or CMAKE_PREFIX_PATH, as a cache entry or in the environment (any LibTorch >= 2.4)
#   2. the wheel in the project-local .venv that scripts/setup.sh makes
#   3. whatever find_package(Torch) knows by itself
#
# A CUDA build gets imported targets of our own: its TorchConfig.cmake is a hard error where there is no CUDA toolkit
# (or another version of it), and this project compiles no CUDA code, so it needs none.
# -DKUDA_OWN_TORCH_TARGETS=ON takes that way for a CPU build too; tests of the build do.

option(KUDA_OWN_TORCH_TARGETS "use imported LibTorch targets of our own also for a CPU build" OFF)

function(kuda_find_torch_config result)
  set(candidates ${Torch_DIR} $ENV{Torch_DIR})
  string(REPLACE ":" ";" environment_prefixes "$ENV{CMAKE_PREFIX_PATH}")
  foreach(prefix IN LISTS CMAKE_PREFIX_PATH environment_prefixes)
    list(APPEND candidates ${prefix} ${prefix}/Torch ${prefix}/share/cmake/Torch ${prefix}/lib/cmake/Torch)
  endforeach()
  file(GLOB wheels ${PROJECT_SOURCE_DIR}/.venv/lib/python3*/site-packages/torch/share/cmake/Torch)
  foreach(candidate IN LISTS candidates wheels)
    if(EXISTS ${candidate}/TorchConfig.cmake)
      set(${result} ${candidate} PARENT_SCOPE)
      return()
    endif()
  endforeach()
  set(${result} "" PARENT_SCOPE)
endfunction()

# The version in LibTorch's own header; empty when there is no such header.
function(kuda_torch_version include_dir result)
  set(version "")
  foreach(header torch/headeronly/version.h torch/csrc/api/include/torch/version.h)
    if(EXISTS ${include_dir}/${header} AND NOT version)
      file(STRINGS ${include_dir}/${header} lines REGEX "define TORCH_VERSION_(MAJOR|MINOR|PATCH) ")
      string(REGEX REPLACE "[^0-9;]" "" numbers "${lines}")
      list(JOIN numbers "." version)
    endif()
  endforeach()
  set(${result} "${version}" PARENT_SCOPE)
endfunction()

function(kuda_own_torch_targets prefix)
  set(libraries ${prefix}/lib/libtorch.so ${prefix}/lib/libtorch_cpu.so ${prefix}/lib/libc10.so)
  if(EXISTS ${prefix}/lib/libtorch_cuda.so)
    # Nothing refers to this library by name: it registers its kernels when it is loaded, so it must stay linked.
    list(APPEND libraries -Wl,--push-state,--no-as-needed ${prefix}/lib/libtorch_cuda.so ${prefix}/lib/libc10_cuda.so
         -Wl,--pop-state -Wl,--allow-shlib-undefined)
  endif()
  target_include_directories(kuda_torch SYSTEM INTERFACE ${prefix}/include
                             ${prefix}/include/torch/csrc/api/include)
  target_link_libraries(kuda_torch INTERFACE ${libraries})
  target_link_options(kuda_torch INTERFACE -Wl,-rpath,${prefix}/lib)
endfunction()

add_library(kuda_torch INTERFACE)
# The wheel brings headers of its own fmt, found before the system's, but not its symbols: with LibTorch fmt is
# header-only. (Its inline namespace differs by version, so both can live in one program.)
target_compile_definitions(kuda_torch INTERFACE FMT_HEADER_ONLY=1)
kuda_find_torch_config(kuda_torch_config)
get_filename_component(kuda_torch_prefix "${kuda_torch_config}/../../.." ABSOLUTE)
if(kuda_torch_config AND (KUDA_OWN_TORCH_TARGETS OR EXISTS ${kuda_torch_prefix}/lib/libtorch_cuda.so))
  kuda_own_torch_targets(${kuda_torch_prefix})
  kuda_torch_version(${kuda_torch_prefix}/include Torch_VERSION)
  message(STATUS "LibTorch ${Torch_VERSION} in ${kuda_torch_prefix} (own targets)")
else()
  if(kuda_torch_config)
    set(Torch_DIR ${kuda_torch_config} CACHE PATH "folder of TorchConfig.cmake" FORCE)
  endif()
  find_package(Torch QUIET)
  if(NOT Torch_FOUND)
    message(FATAL_ERROR "no LibTorch found. Run scripts/setup.sh, or set Torch_DIR to the folder of TorchConfig.cmake "
                        "(any LibTorch >= 2.4).")
  endif()
  target_link_libraries(kuda_torch INTERFACE torch)
  if(NOT Torch_VERSION)
    kuda_torch_version(${TORCH_INSTALL_PREFIX}/include Torch_VERSION)
  endif()
  message(STATUS "LibTorch ${Torch_VERSION} in ${TORCH_INSTALL_PREFIX}")
endif()
if(Torch_VERSION AND Torch_VERSION VERSION_LESS 2.4)
  message(FATAL_ERROR "LibTorch ${Torch_VERSION} is too old: kuda needs 2.4 or later. Run scripts/setup.sh for its own.")
endif()
