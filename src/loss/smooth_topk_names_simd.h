/* The names that several files of vector loops have for functions of their own; see
   each_instruction_set.h. */

#define compute_exponentials SIMD_NAME(compute_exponentials)
#define compute_product SIMD_NAME(compute_product)
#define compute_gradient SIMD_NAME(compute_gradient)
#define evaluate_gradient SIMD_NAME(evaluate_gradient)
#define multiply_factors SIMD_NAME(multiply_factors)
#define multiply_lanes SIMD_NAME(multiply_lanes)
#define sum_expectation SIMD_NAME(sum_expectation)
