# The one precompiled header: LibTorch and what most sources include besides it, parsed once.
#
# LibTorch's headers leave `clone` of its modules to whoever includes them: clang instantiates all of them in every unit,
# used or not, which was half the time of an empty one. They are declared here and made once, in kuda_clones.

set(kuda_cloneable_modules
    AdaptiveLogSoftmaxWithLoss Bilinear Conv1d Conv2d Conv3d ConvTranspose1d ConvTranspose2d ConvTranspose3d CrossMapLRN2d
    Embedding EmbeddingBag Fold FractionalMaxPool2d FractionalMaxPool3d GroupNorm GRU GRUCell LayerNorm Linear
    LocalResponseNorm LogSoftmax LSTM LSTMCell ModuleDict MultiheadAttention ParameterDict RNN RNNCell Sequential Softmax
    Softmin Threshold TransformerDecoder TransformerDecoderLayer TransformerEncoder TransformerEncoderLayer Unflatten Unfold)
set(kuda_cloneable_states Adagrad Adam AdamW LBFGS RMSprop SGD)
set(kuda_pch_start "#pragma once\n#include <torch/torch.h>\n")
set(kuda_clones_made "")
foreach(module IN LISTS kuda_cloneable_modules)
  string(APPEND kuda_clones_made "template class torch::nn::Cloneable<torch::nn::${module}Impl>;\n")
endforeach()
foreach(state IN LISTS kuda_cloneable_states)
  string(APPEND kuda_clones_made "template class torch::optim::OptimizerCloneableParamState<torch::optim::${state}ParamState>;\n")
endforeach()
string(REPLACE "template class" "extern template class" kuda_clone_declarations "${kuda_clones_made}")
file(CONFIGURE OUTPUT ${PROJECT_BINARY_DIR}/kuda_pch.h CONTENT "${kuda_pch_start}${kuda_clone_declarations}")
file(CONFIGURE OUTPUT ${PROJECT_BINARY_DIR}/kuda_clones.cpp CONTENT "${kuda_clones_made}")
file(CONFIGURE OUTPUT ${PROJECT_BINARY_DIR}/kuda_pch.cpp CONTENT "// carries the precompiled header\n")

add_library(kuda_pch STATIC ${PROJECT_BINARY_DIR}/kuda_pch.cpp)
kuda_target_options(kuda_pch)
target_link_libraries(kuda_pch PUBLIC kuda_torch nlohmann_json::nlohmann_json)
target_precompile_headers(kuda_pch PRIVATE ${PROJECT_BINARY_DIR}/kuda_pch.h <fmt/format.h> <nlohmann/json.hpp> <algorithm>
                          <array> <filesystem> <fstream> <functional> <map> <memory> <optional> <set> <span> <string>
                          <variant> <vector>)

add_library(kuda_clones STATIC ${PROJECT_BINARY_DIR}/kuda_clones.cpp)
kuda_target_options(kuda_clones)
kuda_compile_fast(kuda_clones)
target_link_libraries(kuda_clones PUBLIC kuda_torch)
target_precompile_headers(kuda_clones REUSE_FROM kuda_pch)
