#ifndef TFSPARSE_CUSTOM_OPS_TF_OPS_REGISTRATION_H_
#define TFSPARSE_CUSTOM_OPS_TF_OPS_REGISTRATION_H_

namespace tfsparse {

// Tell TensorFlow of ops and their kernels, once a process. Functions, since TensorFlow's macros at
// the level of a file leave no choice of when and whether.
void RegisterMatMulOps();
void RegisterMatMulKernels();
void RegisterConvOps();
void RegisterConvKernels();
void RegisterPooling();
void RegisterChannelOps();
void RegisterDepthwise();
void RegisterGateChannels();
void RegisterActivationRange();
void RegisterAttention();
void RegisterNormalization();
void RegisterLookupInteraction();

inline void RegisterAll() {
  RegisterMatMulOps();
  RegisterMatMulKernels();
  RegisterConvOps();
  RegisterConvKernels();
  RegisterPooling();
  RegisterChannelOps();
  RegisterDepthwise();
  RegisterGateChannels();
  RegisterActivationRange();
  RegisterAttention();
  RegisterNormalization();
  RegisterLookupInteraction();
}

}  // namespace tfsparse

#endif  // TFSPARSE_CUSTOM_OPS_TF_OPS_REGISTRATION_H_
