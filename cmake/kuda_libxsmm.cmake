# LIBXSMM makes products of few rows faster (src/kuda/tensor/panels.h). It exists for x86-64 only and is a static library
# that wants the BLAS functions which LibTorch exports: its own stand-ins (libxsmmnoblas) would take their place in the whole program.
#
#   kuda_use_libxsmm(kuda_tensor panels.cpp)     defines KUDA_LIBXSMM where it can be had

include(CheckCXXSourceCompiles)

function(kuda_use_libxsmm target source)
  unset(__pkg_config_checked_libxsmm CACHE)  # looked for each time: the package may be gone since
  pkg_check_modules(libxsmm QUIET IMPORTED_TARGET GLOBAL libxsmm)
  kuda_try_with_torch()
  if(NOT libxsmm_FOUND OR NOT CMAKE_REQUIRED_LIBRARIES)
    unset(KUDA_HAS_LIBXSMM CACHE)
    return()
  endif()
  set(CMAKE_REQUIRED_INCLUDES ${libxsmm_INCLUDE_DIRS})
  list(PREPEND CMAKE_REQUIRED_LIBRARIES ${libxsmm_LINK_LIBRARIES})
  check_cxx_source_compiles("
    #include <libxsmm.h>
    int main() {
      const libxsmm_blasint n = 32;
      const float one = 1;
      const int none = 0;
      return libxsmm_smmdispatch(n, n, n, &n, &n, &n, &one, &one, &none, &none) == nullptr;
    }" KUDA_HAS_LIBXSMM)
  if(KUDA_HAS_LIBXSMM)
    target_link_libraries(${target} PUBLIC PkgConfig::libxsmm)
    set_source_files_properties(${source} PROPERTIES COMPILE_DEFINITIONS KUDA_LIBXSMM)
  endif()
endfunction()
