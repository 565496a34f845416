# One static library per folder of src/kuda, linked only to the layers it may include; one test program per folder.
#
#   kuda_library(io HOT SOURCES npy.cpp ... LINKS kuda_base TORCH)
#   kuda_library(data UNIT 24 SOURCES ...)  that many sources make one unit, not the preset's number
#   kuda_tests(io SOURCES npy_test.cpp ... LABELS unit)
#   kuda_tests(serve WHOLE SOURCES ...)     one ctest entry for all its tests, which share what is expensive

include(GNUInstallDirs)

# Most of the code calls LibTorch and waits for it, while whoever builds waits for the compiler: clang inlines only what
# is small, which makes a unit a third cheaper, and leaves out what -O3 adds (a tenth). Rooms whose own loops are the
# work are HOT. Numbers do not depend on it.
function(kuda_compile_fast target)
  if(CMAKE_CXX_COMPILER_ID STREQUAL "Clang" AND CMAKE_BUILD_TYPE STREQUAL "Release")
    target_compile_options(${target} PRIVATE -O1 "SHELL:-mllvm -inline-threshold=25")
  endif()
endfunction()

# Warnings are errors in the presets of daily work and in .ci/run alone (CMAKE_COMPILE_WARNING_AS_ERROR): a compiler that
# warns of more than ours still builds.
function(kuda_target_options target)
  target_compile_features(${target} PUBLIC cxx_std_20)
  target_compile_options(${target} PRIVATE -Wall -Wextra -Wshadow ${KUDA_SANITIZE_FLAGS})
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13)
    # GCC 12 reports overlapping copies in std::string's operator+ that are not there (GCC bug 105651).
    target_compile_options(${target} PRIVATE -Wno-restrict)
  endif()
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_UNITY_BUILD)
    # Written for headers: to GCC the sources of a unity unit are headers.
    target_compile_options(${target} PRIVATE -Wno-subobject-linkage)
  endif()
  target_link_options(${target} PUBLIC ${KUDA_SANITIZE_FLAGS})
  target_include_directories(${target} PUBLIC $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/src>
                             $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
endfunction()

# The one precompiled header (kuda_precompiled.cmake), shared by every target marked TORCH.
function(kuda_use_torch target)
  target_link_libraries(${target} PUBLIC kuda_torch)
  if(KUDA_PRECOMPILED_HEADER)
    target_precompile_headers(${target} REUSE_FROM kuda_pch)
    target_link_libraries(${target} PUBLIC kuda_clones)
  endif()
endfunction()

function(kuda_library name)
  cmake_parse_arguments(ARG "TORCH;HOT" "UNIT" "SOURCES;LINKS" ${ARGN})
  add_library(kuda_${name} STATIC ${ARG_SOURCES})
  kuda_target_options(kuda_${name})
  if(NOT ARG_HOT)
    kuda_compile_fast(kuda_${name})
  endif()
  if(ARG_UNIT)
    set_target_properties(kuda_${name} PROPERTIES UNITY_BUILD_BATCH_SIZE ${ARG_UNIT})
  endif()
  target_link_libraries(kuda_${name} PUBLIC ${ARG_LINKS})
  if(ARG_TORCH)
    kuda_use_torch(kuda_${name})
  endif()
endfunction()

function(kuda_tests name)
  cmake_parse_arguments(ARG "TORCH;WHOLE" "LABELS;TIMEOUT" "SOURCES;LINKS" ${ARGN})
  if(NOT KUDA_TESTS)
    return()
  endif()
  add_executable(${name}_test ${ARG_SOURCES})
  kuda_target_options(${name}_test)
  kuda_compile_fast(${name}_test)
  target_link_libraries(${name}_test PRIVATE ${ARG_LINKS} GTest::gmock_main GTest::gmock GTest::gtest)
  target_compile_definitions(${name}_test PRIVATE KUDA_SOURCE_DIR="${PROJECT_SOURCE_DIR}")
  # The macros of GoogleTest hold an if and an else of their own, which GCC takes for ours.
  target_compile_options(${name}_test PRIVATE -Wno-dangling-else)
  if(ARG_TORCH)
    kuda_use_torch(${name}_test)
  endif()
  if(NOT ARG_LABELS)
    set(ARG_LABELS unit)
  endif()
  if(NOT ARG_TIMEOUT)
    set(ARG_TIMEOUT 300)
  endif()
  if(ARG_WHOLE)
    add_test(NAME ${name} COMMAND ${name}_test)
    set_tests_properties(${name} PROPERTIES LABELS ${ARG_LABELS} TIMEOUT ${ARG_TIMEOUT} ENVIRONMENT "OMP_NUM_THREADS=1")
    return()
  endif()
  gtest_discover_tests(${name}_test DISCOVERY_MODE PRE_TEST PROPERTIES LABELS ${ARG_LABELS} TIMEOUT ${ARG_TIMEOUT}
                       ENVIRONMENT "OMP_NUM_THREADS=1")
endfunction()
