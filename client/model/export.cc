#include "client/model/export.h"

#include <numeric>
#include <sstream>

#include "client/data/npy_file.h"
#include "client/model/objective.h"
#include "common/files.h"

namespace signvote {
namespace {

void Append(const std::string& name, const torch::Tensor& tensor, Tensors* tensors) {
  const torch::Tensor dense = tensor.detach().to(torch::kCPU).contiguous();
  tensors->tensors.push_back({name, {dense.sizes().begin(), dense.sizes().end()}});
  const float* values = dense.data_ptr<float>();
  tensors->values.insert(tensors->values.end(), values, values + dense.numel());
}

std::string_view BytesOf(const std::vector<float>& values) {
  return {reinterpret_cast<const char*>(values.data()), values.size() * sizeof(float)};
}

}  // namespace

absl::Status ExportModel(Module& module, const std::string& directory,
                         const std::map<std::string, std::string>& metadata) {
  return CatchTorch("the model cannot be exported", [&]() -> absl::Status {
    const torch::NoGradGuard no_grad;
    Module::Impl& impl = module.impl();
    impl.Refresh();
    torch::jit::Module copy = [&impl] {
      const OwnStorages own(&impl.parameters);  // what goes by several names, or is in a list, stays one
      return impl.module.deepcopy();
    }();
    copy.to(torch::kCPU);
    copy.eval();
    for (torch::Tensor parameter : copy.parameters()) parameter.set_requires_grad(true);  // as init-model wants them
    std::ostringstream stream;
    copy.save(stream);
    Tensors tensors;
    for (size_t i = 0; i < impl.parameters.size(); ++i) Append(impl.names[i], impl.parameters[i], &tensors);
    for (const auto& buffer : copy.named_buffers()) {
      if (buffer.value.scalar_type() == torch::kFloat32) Append(buffer.name, buffer.value, &tensors);
    }
    RETURN_IF_ERROR(MakeDirectories(directory));
    RETURN_IF_ERROR(WriteFileAtomically(directory + "/model.pt", stream.str()));
    return WriteSafetensors(directory + "/params.safetensors", tensors.tensors, tensors.values, metadata);
  });
}

absl::Status ExportPredictions(Module& module, const Dataset& dataset, const std::string& file,
                               const std::function<bool()>& cancelled) {
  return CatchTorch("the predictions cannot be exported", [&]() -> absl::Status {
    const torch::NoGradGuard no_grad;
    Module::Impl& impl = module.impl();
    if (!module.HasForward()) return absl::OkStatus();
    impl.module.eval();
    impl.Refresh();
    const size_t count = std::min(dataset.size(), kMostPredictions);
    std::vector<uint64_t> shape;
    std::vector<float> values;
    Batch batch;
    std::vector<uint32_t> samples;
    for (size_t begin = 0; begin < count; begin += samples.size()) {
      if (cancelled()) return Error(absl::StatusCode::kCancelled, "the evaluation was given up");
      samples.resize(std::min<size_t>(impl.evaluation_pass, count - begin));
      std::iota(samples.begin(), samples.end(), static_cast<uint32_t>(begin));
      MakeBatch(dataset, samples, &batch);
      ASSIGN_OR_RETURN(torch::Tensor outputs, Outputs(impl, TensorsOf(impl, batch, 0, batch.size)));
      outputs = outputs.to(torch::kCPU, torch::kFloat32).contiguous();
      shape.assign(outputs.sizes().begin(), outputs.sizes().end());
      values.insert(values.end(), outputs.data_ptr<float>(), outputs.data_ptr<float>() + outputs.numel());
    }
    if (!shape.empty()) shape[0] = count;
    const std::string header = NpyHeader(shape);
    const std::array<std::string_view, 2> parts = {header, BytesOf(values)};
    return WriteFileAtomically(file, parts);
  });
}

}  // namespace signvote
