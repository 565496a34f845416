# LibTorch brings the headers of fmt 12, found before the system's, but not its symbols. Header-only it would be compiled
# into each of our units (an eighth of their code); kuda_fmt holds it, compiled once. With the headers of another
# fmt it stays header-only. (The inline namespace of fmt differs by version, so two can live in one program.)
set(kuda_fmt_headers ${KUDA_TORCH_PREFIX}/include/fmt)
if(EXISTS ${kuda_fmt_headers}/format-inl.h AND EXISTS ${kuda_fmt_headers}/base.h)
  file(STRINGS ${kuda_fmt_headers}/base.h kuda_fmt_version REGEX "#define FMT_VERSION 12")
endif()
if(NOT kuda_fmt_version)
  target_compile_definitions(kuda_torch INTERFACE FMT_HEADER_ONLY=1)
  return()
endif()

file(CONFIGURE OUTPUT ${PROJECT_BINARY_DIR}/kuda_fmt.cpp CONTENT "#include <fmt/format-inl.h>

FMT_BEGIN_NAMESPACE
template auto locale_ref::get<std::locale>() const -> std::locale;
namespace detail {
template auto thousands_sep_impl<char>(locale_ref) -> thousands_sep_result<char>;
template auto thousands_sep_impl<wchar_t>(locale_ref) -> thousands_sep_result<wchar_t>;
template auto decimal_point_impl(locale_ref) -> char;
template auto decimal_point_impl(locale_ref) -> wchar_t;
}
FMT_END_NAMESPACE
")
add_library(kuda_fmt STATIC ${PROJECT_BINARY_DIR}/kuda_fmt.cpp)
kuda_target_options(kuda_fmt)
target_include_directories(kuda_fmt SYSTEM PRIVATE ${KUDA_TORCH_PREFIX}/include)
target_link_libraries(kuda_torch INTERFACE kuda_fmt)
