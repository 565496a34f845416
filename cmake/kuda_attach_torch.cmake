# Finds a LibTorch and links an INTERFACE library to it. Used by the build (kuda_torch.cmake) and by the installed package
# (kudaConfig.cmake), where KUDA_TORCH_HINT names the LibTorch that the package was built with.
#
# Where it comes from, first match wins:
#   1. Torch_DIR or CMAKE_PREFIX_PATH, as a cache entry or in the environment (any LibTorch >= 2.4)
#   2. the wheel in the project-local .venv that scripts/setup.sh makes, or KUDA_TORCH_HINT
#   3. whatever find_package(Torch) knows by itself
#
# A CUDA build gets imported targets of our own: its TorchConfig.cmake is a hard error where there is no CUDA toolkit
# (or another version of it), and this project compiles no CUDA code, so it needs none.
# -DKUDA_OWN_TORCH_TARGETS=ON takes that way for a CPU build too; tests of the build do.
#
# Everything is attached as $<BUILD_INTERFACE:...>: paths of this machine stay out of the exported targets.

function(kuda_find_torch_config result)
  set(candidates ${Torch_DIR} $ENV{Torch_DIR})
  string(REPLACE ":" ";" environment_prefixes "$ENV{CMAKE_PREFIX_PATH}")
  foreach(prefix IN LISTS CMAKE_PREFIX_PATH environment_prefixes)
    list(APPEND candidates ${prefix} ${prefix}/Torch ${prefix}/share/cmake/Torch ${prefix}/lib/cmake/Torch)
  endforeach()
  file(GLOB wheels ${PROJECT_SOURCE_DIR}/.venv/lib/python3*/site-packages/torch/share/cmake/Torch)
  foreach(candidate IN LISTS candidates wheels KUDA_TORCH_HINT)
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

function(kuda_own_torch_targets target prefix)
  set(libraries ${prefix}/lib/libtorch.so ${prefix}/lib/libtorch_cpu.so ${prefix}/lib/libc10.so)
  if(EXISTS ${prefix}/lib/libtorch_cuda.so)
    # Nothing refers to this library by name: it registers its kernels when it is loaded, so it must stay linked.
    list(APPEND libraries -Wl,--push-state,--no-as-needed ${prefix}/lib/libtorch_cuda.so ${prefix}/lib/libc10_cuda.so
         -Wl,--pop-state -Wl,--allow-shlib-undefined)
  endif()
  list(TRANSFORM libraries REPLACE "^(.+)$" "$<BUILD_INTERFACE:\\1>")
  target_include_directories(${target} SYSTEM INTERFACE $<BUILD_INTERFACE:${prefix}/include>
                             $<BUILD_INTERFACE:${prefix}/include/torch/csrc/api/include>)
  target_link_libraries(${target} INTERFACE ${libraries})
  target_link_options(${target} INTERFACE "$<BUILD_INTERFACE:-Wl,-rpath,${prefix}/lib>")
endfunction()

# Sets KUDA_TORCH_PREFIX and KUDA_TORCH_VERSION, or KUDA_TORCH_PROBLEM, which is empty when all is well. A macro, because
# TorchConfig.cmake leaves variables that its users may want.
macro(kuda_attach_torch target)
  set(KUDA_TORCH_PROBLEM "")
  kuda_find_torch_config(kuda_torch_config)
  get_filename_component(KUDA_TORCH_PREFIX "${kuda_torch_config}/../../.." ABSOLUTE)
  if(kuda_torch_config AND (KUDA_OWN_TORCH_TARGETS OR EXISTS ${KUDA_TORCH_PREFIX}/lib/libtorch_cuda.so))
    kuda_own_torch_targets(${target} ${KUDA_TORCH_PREFIX})
  else()
    if(kuda_torch_config)
      set(Torch_DIR ${kuda_torch_config} CACHE PATH "folder of TorchConfig.cmake" FORCE)
    endif()
    find_package(Torch QUIET)
    if(Torch_FOUND)
      set(KUDA_TORCH_PREFIX ${TORCH_INSTALL_PREFIX})
      target_link_libraries(${target} INTERFACE $<BUILD_INTERFACE:torch>)
    else()
      set(KUDA_TORCH_PROBLEM "no LibTorch found: set Torch_DIR to the folder of TorchConfig.cmake (any LibTorch >= 2.4)")
    endif()
  endif()
  if(NOT KUDA_TORCH_PROBLEM)
    kuda_torch_version(${KUDA_TORCH_PREFIX}/include KUDA_TORCH_VERSION)
    if(KUDA_TORCH_VERSION AND KUDA_TORCH_VERSION VERSION_LESS 2.4)
      set(KUDA_TORCH_PROBLEM "LibTorch ${KUDA_TORCH_VERSION} is too old: kuda needs 2.4 or later")
    endif()
  endif()
endmacro()
