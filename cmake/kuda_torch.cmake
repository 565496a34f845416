# LibTorch as the target kuda_torch; kuda_attach_torch.cmake says where it comes from.

option(KUDA_OWN_TORCH_TARGETS "use imported LibTorch targets of our own also for a CPU build" OFF)
include(kuda_attach_torch)

if(SKBUILD)  # pip builds for the torch of its Python, which it puts into another folder each time
  execute_process(COMMAND ${Python_EXECUTABLE} -c
                  "import importlib.util as u; print(u.find_spec('torch').submodule_search_locations[0], end='')"
                  OUTPUT_VARIABLE kuda_torch_of_python COMMAND_ERROR_IS_FATAL ANY)
  set(Torch_DIR ${kuda_torch_of_python}/share/cmake/Torch CACHE PATH "folder of TorchConfig.cmake" FORCE)
endif()

add_library(kuda_torch INTERFACE)
kuda_attach_torch(kuda_torch)
if(KUDA_TORCH_PROBLEM)
  message(FATAL_ERROR "${KUDA_TORCH_PROBLEM}. scripts/setup.sh installs one.")
endif()
message(STATUS "LibTorch ${KUDA_TORCH_VERSION} in ${KUDA_TORCH_PREFIX}")

# For trial projects (check_cxx_source_compiles): files, because the imported targets of TorchConfig.cmake do not reach
# those. Sets CMAKE_REQUIRED_LIBRARIES and _LINK_OPTIONS where it is called; no libraries where one is not found.
macro(kuda_try_with_torch)
  set(CMAKE_REQUIRED_LIBRARIES)
  set(CMAKE_REQUIRED_LINK_OPTIONS -Wl,--unresolved-symbols=ignore-in-shared-libs)
  find_library(KUDA_LIBRARY_torch_cpu torch_cpu PATHS ${KUDA_TORCH_PREFIX}/lib ${KUDA_TORCH_PREFIX}/lib64 NO_DEFAULT_PATH)
  find_library(KUDA_LIBRARY_c10 c10 PATHS ${KUDA_TORCH_PREFIX}/lib ${KUDA_TORCH_PREFIX}/lib64 NO_DEFAULT_PATH)
  if(KUDA_LIBRARY_torch_cpu AND KUDA_LIBRARY_c10)
    set(CMAKE_REQUIRED_LIBRARIES ${KUDA_LIBRARY_torch_cpu} ${KUDA_LIBRARY_c10})
  endif()
endmacro()
