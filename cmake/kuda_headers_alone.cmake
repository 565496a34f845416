# Target headers_alone (no part of `all`): each header of src/kuda in a source of its own that includes nothing else. A
# header that reaches LibTorch gets <torch/torch.h> precompiled, and nothing besides; one that does not gets nothing, so
# that one which names LibTorch without including it does not compile.
file(GLOB_RECURSE kuda_headers CONFIGURE_DEPENDS RELATIVE ${PROJECT_SOURCE_DIR}/src ${PROJECT_SOURCE_DIR}/src/kuda/*.h)
list(REMOVE_ITEM kuda_headers kuda/tensor/gloo_names.h)  # stands in for headers of others (kuda_gloo.cmake)
if(NOT TARGET PkgConfig::ffmpeg)
  list(FILTER kuda_headers EXCLUDE REGEX "^kuda/media/")
else()
  set(headers_alone_ffmpeg PkgConfig::ffmpeg)
endif()
list(FILTER kuda_headers EXCLUDE REGEX "^kuda/bindings/")  # want Python's headers

foreach(header IN LISTS kuda_headers)
  file(STRINGS ${PROJECT_SOURCE_DIR}/src/${header} lines REGEX "^#include")
  set(lines_of_${header} "${lines}")
  if(lines MATCHES "<(torch|ATen|c10)/")
    list(APPEND headers_with_torch ${header})
  endif()
endforeach()
set(news ${headers_with_torch})
while(news)  # who includes one of those, and so on
  list(POP_FRONT news reached)
  foreach(header IN LISTS kuda_headers)
    if(NOT header IN_LIST headers_with_torch AND lines_of_${header} MATCHES "\"${reached}\"")
      list(APPEND headers_with_torch ${header})
      list(APPEND news ${header})
    endif()
  endforeach()
endwhile()

foreach(header IN LISTS kuda_headers)
  string(REPLACE "/" "." name ${header})
  set(source ${PROJECT_BINARY_DIR}/headers_alone/${name}.cpp)
  file(CONFIGURE OUTPUT ${source} CONTENT "#include \"${header}\"\n")
  if(header IN_LIST headers_with_torch)
    list(APPEND torch_sources ${source})
  else()
    list(APPEND light_sources ${source})
  endif()
endforeach()

add_library(headers_alone_light OBJECT EXCLUDE_FROM_ALL ${light_sources})
add_library(headers_alone_torch OBJECT EXCLUDE_FROM_ALL ${torch_sources})
target_link_libraries(headers_alone_torch PRIVATE kuda_torch)
target_precompile_headers(headers_alone_torch PRIVATE <torch/torch.h>)
foreach(target headers_alone_light headers_alone_torch)
  kuda_target_options(${target})
  target_compile_options(${target} PRIVATE -O0)  # only that they compile is asked
  target_compile_definitions(${target} PRIVATE KUDA_SOURCE_DIR="${PROJECT_SOURCE_DIR}"  # as kuda_tests
                                               $<TARGET_PROPERTY:kuda_http,COMPILE_DEFINITIONS>)
  set_target_properties(${target} PROPERTIES UNITY_BUILD OFF)
  target_link_libraries(${target} PRIVATE fmt::fmt nlohmann_json::nlohmann_json tomlplusplus::tomlplusplus
                        CLI11::CLI11 ZLIB::ZLIB OpenSSL::Crypto PkgConfig::libzip PkgConfig::utf8proc PkgConfig::httplib
                        GTest::gmock GTest::gtest ${headers_alone_ffmpeg})
endforeach()
add_custom_target(headers_alone DEPENDS headers_alone_light headers_alone_torch)
