# Several processes that train together talk through LibTorch's c10d with Gloo, whose headers LibTorch does not bring:
# src/kuda/tensor/gloo_names.h stands in for them. With a LibTorch that has no Gloo, or whose c10d wants more of it,
# the program trains in one process only and says so.
#
#   kuda_use_gloo(process_link.cpp)     sets KUDA_GLOO, and KUDA_NCCL where GPUs can be summed over directly

include(CheckCXXSourceCompiles)

macro(kuda_try_gloo_headers)
  check_cxx_source_compiles("
    #include <torch/csrc/distributed/c10d/PrefixStore.hpp>
    #include <torch/csrc/distributed/c10d/ProcessGroupGloo.hpp>
    #include <torch/csrc/distributed/c10d/TCPStore.hpp>
    int main() {
      c10::intrusive_ptr<c10d::Store> store = c10::make_intrusive<c10d::TCPStore>(\"\", c10d::TCPStoreOptions());
      store = c10::make_intrusive<c10d::PrefixStore>(\"\", store);
      const auto options = c10d::ProcessGroupGloo::Options::create();
      options->devices.push_back(c10d::ProcessGroupGloo::createDefaultDevice());
      options->devices.push_back(c10d::ProcessGroupGloo::createDeviceForInterface(\"\"));
      return c10::make_intrusive<c10d::ProcessGroupGloo>(store, 0, 1, options)->getRank();
    }" KUDA_HAS_GLOO)
endmacro()

function(kuda_use_gloo source)
  set(names ${PROJECT_BINARY_DIR}/gloo_names)
  foreach(header algorithm common/error context rendezvous/store transport/device)
    file(CONFIGURE OUTPUT ${names}/gloo/${header}.h
         CONTENT "#include \"${PROJECT_SOURCE_DIR}/src/kuda/tensor/gloo_names.h\"\n")
  endforeach()
  set(CMAKE_REQUIRED_DEFINITIONS -DUSE_C10D_GLOO)
  set(CMAKE_REQUIRED_INCLUDES ${names} ${KUDA_TORCH_PREFIX}/include ${KUDA_TORCH_PREFIX}/include/torch/csrc/api/include)
  kuda_try_with_torch()
  if(NOT CMAKE_REQUIRED_LIBRARIES)
    return()
  endif()
  # To read these headers takes 12 s, longer than all else that is looked for. Those of 2.13 are known to fit: there it is
  # enough that the library has the code. (A mangled name holds no return type.)
  if(KUDA_TORCH_VERSION MATCHES "^2\\.13\\.")
    check_cxx_source_compiles("
      #include <string>
      namespace c10d {
      struct ProcessGroupGloo {
        static void createDefaultDevice(bool);
        static void createDeviceForInterface(const std::string&, bool);
      };
      }
      int main() {
        c10d::ProcessGroupGloo::createDefaultDevice(false);
        c10d::ProcessGroupGloo::createDeviceForInterface(\"\", false);
      }" KUDA_HAS_GLOO)
  else()
    kuda_try_gloo_headers()
  endif()
  if(NOT KUDA_HAS_GLOO)
    return()
  endif()
  set(definitions KUDA_GLOO)

  # The headers of CUDA and NCCL are no part of LibTorch either; here they come from pip's packages beside it, or from a
  # toolkit. Without them sums over GPUs go through the memory of the CPU.
  if(EXISTS ${KUDA_TORCH_PREFIX}/lib/libtorch_cuda.so)
    file(GLOB cuda_headers ${KUDA_TORCH_PREFIX}/../nvidia/*/include /usr/local/cuda/include)
    list(APPEND CMAKE_REQUIRED_DEFINITIONS -DUSE_C10D_NCCL)
    list(APPEND CMAKE_REQUIRED_INCLUDES ${cuda_headers})
    list(APPEND CMAKE_REQUIRED_LIBRARIES ${KUDA_TORCH_PREFIX}/lib/libtorch_cuda.so ${KUDA_TORCH_PREFIX}/lib/libc10_cuda.so)
    check_cxx_source_compiles("
      #include <torch/csrc/distributed/c10d/ProcessGroupNCCL.hpp>
      int main() {
        const c10::intrusive_ptr<c10d::Store> store;
        return c10::make_intrusive<c10d::ProcessGroupNCCL>(store, 0, 1)->getRank();
      }" KUDA_HAS_NCCL)
    if(KUDA_HAS_NCCL)
      list(APPEND definitions KUDA_NCCL USE_C10D_NCCL)
      list(TRANSFORM cuda_headers PREPEND "SHELL:-isystem ")
      set_source_files_properties(${source} PROPERTIES COMPILE_OPTIONS "${cuda_headers}")
    endif()
  endif()
  set_source_files_properties(${source} PROPERTIES COMPILE_DEFINITIONS "${definitions}" INCLUDE_DIRECTORIES "${names}")
endfunction()
