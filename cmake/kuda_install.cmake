# `cmake --install`: the program, and the C++ API as a package that find_package(kuda) finds (kudaConfig.cmake.in).
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)
set(kuda_package ${CMAKE_INSTALL_LIBDIR}/cmake/kuda)

# kuda_predictor and what it links.
set(where_made)
foreach(target kuda_clones kuda_fmt)
  if(TARGET ${target})
    list(APPEND where_made ${target})
  endif()
endforeach()
install(TARGETS kuda_torch kuda_base kuda_config kuda_io kuda_tensor kuda_wordpiece kuda_text kuda_metrics kuda_data
                kuda_nn kuda_models kuda_checkpoint kuda_explain kuda_predictor ${where_made}
        EXPORT kudaTargets ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT library)
install(EXPORT kudaTargets NAMESPACE kuda:: DESTINATION ${kuda_package} COMPONENT library)
# The component video: what kuda_video links beside.
set(KUDA_HAS_VIDEO OFF)
if(TARGET kuda_media)
  set(KUDA_HAS_VIDEO ON)
  install(TARGETS kuda_media kuda_face kuda_voice kuda_speech kuda_extract kuda_video
          EXPORT kudaVideoTargets ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT library)
  install(EXPORT kudaVideoTargets NAMESPACE kuda:: DESTINATION ${kuda_package} COMPONENT library)
endif()
configure_package_config_file(${PROJECT_SOURCE_DIR}/cmake/kudaConfig.cmake.in ${PROJECT_BINARY_DIR}/kudaConfig.cmake
                              INSTALL_DESTINATION ${kuda_package})
write_basic_package_version_file(${PROJECT_BINARY_DIR}/kudaConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/kudaConfig.cmake ${PROJECT_BINARY_DIR}/kudaConfigVersion.cmake
              ${PROJECT_SOURCE_DIR}/cmake/kuda_attach_torch.cmake
        DESTINATION ${kuda_package} COMPONENT library)

# The headers of the C++ API, by name: whoever links the library sees these and no others.
set(kuda_headers base/error.h checkpoint/conformal.h data/cut.h data/modality.h explain/evidence.h predictor/clip.h predictor/clip_files.h predictor/predictor.h)
if(KUDA_HAS_VIDEO)
  list(APPEND kuda_headers extract/clip_report.h predictor/video_predictor.h)
  install(FILES ${PROJECT_SOURCE_DIR}/src/kuda/predictor/installed_video.h DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/kuda RENAME video.h
          COMPONENT library)
endif()
foreach(header ${kuda_headers})
  cmake_path(GET header PARENT_PATH folder)
  install(FILES ${PROJECT_SOURCE_DIR}/src/kuda/${header} DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/kuda/${folder} COMPONENT library)
endforeach()
install(FILES ${PROJECT_SOURCE_DIR}/src/kuda/predictor/installed.h DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/kuda RENAME predictor.h
        COMPONENT library)

if(SKBUILD)  # beside the torch of the Python that it is installed for
  set_target_properties(kuda PROPERTIES INSTALL_RPATH "$ORIGIN/../../torch/lib")
else()
  set_target_properties(kuda PROPERTIES INSTALL_RPATH_USE_LINK_PATH ON)  # LibTorch stays where it is
endif()
install(TARGETS kuda RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR} COMPONENT program)
