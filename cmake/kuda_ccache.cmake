# ccache with the settings that let it keep objects made with a precompiled header, also between checkouts.
# A launcher given on the command line (-DCMAKE_CXX_COMPILER_LAUNCHER=...) is left alone.
if(KUDA_CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  find_program(KUDA_CCACHE_PROGRAM ccache)
  if(KUDA_CCACHE_PROGRAM)
    set(CMAKE_CXX_COMPILER_LAUNCHER
        ${CMAKE_COMMAND} -E env CCACHE_BASEDIR=${PROJECT_SOURCE_DIR} CCACHE_NOHASHDIR=1
        CCACHE_SLOPPINESS=pch_defines,time_macros,include_file_mtime,include_file_ctime ${KUDA_CCACHE_PROGRAM})
    if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
      add_compile_options(-fpch-preprocess)
    else()
      add_compile_options("SHELL:-Xclang -fno-pch-timestamp")
    endif()
  endif()
endif()
